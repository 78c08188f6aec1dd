"""A wrong table is refused when it is read, with file, entry and rule."""

import tomllib
from collections.abc import Callable

import pytest

from statusmsgs import MalformedTable, parse_console_tables, parse_reasons, parse_status_file
from statusmsgs.console_table import parse_console_file
from statusmsgs.cucm import parse_server_traces
from statusmsgs.explain_table import parse_explain_file
from statusmsgs.parsing import Table
from statusmsgs.reasons import ReasonTexts

CONSOLE = """
[families.x]
source = "s"
banner = ["{year}"]
[families.x.forms]
line = "{sequence} {level} {tag}: {text}"
bare = "{text}"
[families.x.processes.p]
tag = "P"
pid = "{task}"
[derived.base]
from = "name"
without = [".sgn"]
[[entry]]
event = "E"
when = { name = ["a", 1, true] }
level = "NOT"
process = "p"
text = "hello {base} {pid}"
sure = "captured"
source = "s"
"""

STATUS = """
[families.x]
source = "s"
web_kept = 10
screen_kept = 30
[families.x.forms]
line = "{clock} {text}"
[[entry]]
key = "k"
event = "E"
families = ["x"]
text = "t"
sure = "inferred"
source = "s"
"""

EXPLAIN = """
[marks]
inferred = "{line} ?"
ours_first = "- {text}"
ours_next = "  {text}"
width = 80
[[entry]]
event = "E"
text = "t"
sure = "ours"
source = "ours"
"""

REASONS = """
[reasons.R]
meaning = "m"
cure = ""
source = "s"
"""

CUCM = """
[constants]
engine = "1"
[form]
line = "{clock} {text}"
[[entry]]
event = "E"
fields = ["a"]
text = "{engine} {a}"
sure = "captured"
source = "s"
"""

CUCM_ENTRY = CUCM[CUCM.index("[[entry]]") :]

Parser = Callable[[Table, str], object]
CASES: list[tuple[Parser, str, str, str, str]] = [
    # parser, good file, what is replaced, by what, what the error says
    (parse_console_file, CONSOLE, 'event = "E"', "", "entry 1: 'event' must be a text"),
    (parse_console_file, CONSOLE, 'event = "E"', 'event = "E"\nwhem = 1', "unknown key 'whem'"),
    (parse_console_file, CONSOLE, "[[entry]]", "[[entries]]", "unknown key 'entries'"),
    (parse_console_file, CONSOLE, "[[entry]]", "[entry]", "must be an array of tables"),
    (parse_console_file, CONSOLE, '["a", 1, true]', "[]", "entry 1, when: must be a text"),
    (parse_console_file, CONSOLE, '["a", 1, true]', "1.5", "entry 1, when: must be a text"),
    (parse_console_file, CONSOLE, '{ name = ["a", 1, true] }', '"x"', "'when' must be a table"),
    (parse_console_file, CONSOLE, '"captured"', '"certain"', "'sure' must be one of captured"),
    (parse_console_file, CONSOLE, '"captured"', '{ y = "ours" }', "entry 1, sure: 'x' must be"),
    (parse_console_file, CONSOLE, '"captured"\nsource = "s"', '"ours"', "'source' must be a text"),
    (parse_console_file, CONSOLE, '"captured"\nsource = "s"', '"ours"\nsource = " "', "empty"),
    (parse_console_file, CONSOLE, 'process = "p"', 'process = "q"', "no process 'q'"),
    (parse_console_file, CONSOLE, 'process = "p"', "", "'process' must be given exactly"),
    (parse_console_file, CONSOLE, 'level = "NOT"', "", "'level' must be given exactly"),
    (parse_console_file, CONSOLE, 'level = "NOT"', 'level = "NOT"\nform = "z"', "no form 'z'"),
    (parse_console_file, CONSOLE, 'level = "NOT"', 'families = ["y"]', "unknown family 'y'"),
    (parse_console_file, CONSOLE, 'level = "NOT"', 'families = "x"', "must be a list of texts"),
    (parse_console_file, CONSOLE, "{year}", "{years}", "banner: '{years}': unknown place 'years'"),
    (parse_console_file, CONSOLE, "hello {base}", "hello {base.x}", "must be a plain name"),
    (parse_console_file, CONSOLE, "hello {base}", "hello {0}", "must be a plain name"),
    (parse_console_file, CONSOLE, "hello {base}", "hello {base!r}", "must be a plain name"),
    (parse_console_file, CONSOLE, "hello {base}", "hello {", "entry 1: 'hello {"),
    (parse_console_file, CONSOLE, "{task}", "{name}", "processes p: '{name}': unknown place"),
    (parse_console_file, CONSOLE, 'pid = "{task}"', 'pids = ""', "unknown key 'pids'"),
    (parse_console_file, CONSOLE, 'from = "name"', "", "'from' must be a text"),
    (parse_console_file, CONSOLE, 'from = "name"', 'from = "n"\nwith = 1', "unknown key 'with'"),
    (parse_console_file, CONSOLE, 'without = [".sgn"]', "", "needs 'without', or 'names' and"),
    (
        parse_console_file,
        CONSOLE,
        'without = [".sgn"]',
        "names = { 1 = 'a' }",
        "needs 'without', or",
    ),
    (
        parse_console_file,
        CONSOLE,
        'without = [".sgn"]',
        "without = []\nnames = {}\notherwise = 'a'",
        "needs 'without', or",
    ),
    (
        parse_console_file,
        CONSOLE,
        'without = [".sgn"]',
        "names = { 1 = 2 }\notherwise = 'a'",
        "'1' must be a text",
    ),
    (parse_console_file, CONSOLE, 'banner = ["{year}"]', "colour = 1", "family x: unknown key"),
    (parse_status_file, STATUS, "web_kept = 10", "web_kept = 0", "'web_kept' must be a number"),
    (parse_status_file, STATUS, "web_kept = 10", "web_kept = true", "'web_kept' must be a number"),
    (parse_status_file, STATUS, 'families = ["x"]', "", "'families' must name some of x"),
    (parse_status_file, STATUS, '["x"]', '["x", "y"]', "'families' must name some of x"),
    (parse_status_file, STATUS, 'line = "{clock}', 'web = "{clock}', "the form 'line' is missing"),
    (parse_status_file, STATUS, "{clock}", "{level}", "a form names moments and text only"),
    (parse_status_file, STATUS, 'key = "k"', "", "'key' must be a text"),
    (parse_status_file, STATUS, 'key = "k"', 'key = "k"\nlevel = "NOT"', "unknown key 'level'"),
    (parse_explain_file, EXPLAIN, '"ours"\nsource', '"captured"\nsource', "always sure = 'ours'"),
    (parse_explain_file, EXPLAIN, "{line} ?", "{text} ?", "marks, inferred: places may be line"),
    (parse_explain_file, EXPLAIN, "width = 80", "", "'width' must be a number above zero"),
    (parse_explain_file, EXPLAIN, 'text = "t"', "", "entry 1: 'text' must be a text"),
    (parse_reasons, REASONS, 'meaning = "m"', "", "reason R: 'meaning' must be a text"),
    (parse_reasons, REASONS, 'cure = ""', 'cures = ""', "reason R: unknown key 'cures'"),
    (parse_server_traces, CUCM, "{engine} {a}", "{b}", "'b' is neither a field nor a constant"),
    (parse_server_traces, CUCM, "{clock} {text}", "{engine}", "form names moments and text only"),
    (
        parse_server_traces,
        CUCM,
        "[[entry]]",
        CUCM[CUCM.index("[[entry]]") :] + "[[entry]]",
        "second",
    ),
]


@pytest.mark.parametrize(
    ("parse", "good"),
    [
        (parse_console_file, CONSOLE),
        (parse_status_file, STATUS),
        (parse_explain_file, EXPLAIN),
        (parse_reasons, REASONS),
        (parse_server_traces, CUCM),
    ],
)
def test_the_files_before_they_are_spoiled_are_good(parse: Parser, good: str) -> None:
    parse(tomllib.loads(good), "f.toml")


@pytest.mark.parametrize(("parse", "good", "old", "new", "rule"), CASES)
def test_a_wrong_table_is_refused(parse: Parser, good: str, old: str, new: str, rule: str) -> None:
    assert old in good
    with pytest.raises(MalformedTable) as caught:
        parse(tomllib.loads(good.replace(old, new, 1)), "f.toml")
    assert str(caught.value).startswith("f.toml")
    assert rule in str(caught.value)


def test_an_array_of_other_things_than_tables_is_refused() -> None:
    with pytest.raises(MalformedTable, match=r"f\.toml, entry 1: must be a table, not 1"):
        parse_status_file({"entry": [1]}, "f.toml")


def test_a_family_stands_in_one_file_only() -> None:
    file = tomllib.loads(CONSOLE)
    explain = ("e.toml", tomllib.loads(EXPLAIN))
    with pytest.raises(MalformedTable, match="'x' stands in another file too"):
        parse_console_tables({"a.toml": file, "b.toml": file}, explain, ReasonTexts({}))
