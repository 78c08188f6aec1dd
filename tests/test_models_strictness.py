"""A wrong model file is refused when it is read; the rules of precedence."""

import tomllib

import pytest

from secd.errors import UnusableInput
from secd.files.data import model_catalogue
from secd.models import Generation, TLSProfile, TLSVersion
from secd.models.loading import load_models
from secd.models.values import READERS, build_model

VALUES = {
    "security_by_default": "true",
    "protocols": '["SIP"]',
    "digests": "[1]",
    "modulus_bits": "[2048]",
    "itl_limit_bytes": "1",
    "size_limit_bytes": "2",
    "firmware_limit_bytes": "2",
    "printed_limit_bytes": "3",
    "secure_no_ctl_retries": '"unlimited"',
    "retry_seconds": "4.5",
    "transports": '["TFTP"]',
    "tls_versions": '["TLSv1", "TLSv1.2"]',
    "tls_ciphers": '["AES128-SHA"]',
    "tls_tolerates_weak": "true",
    "tftp_block_bytes": "5",
    "tftp_window_blocks": "6",
    "tftp_transfer_size": "false",
    "tftp_timeout_option_seconds": "7",
    "retransmit_seconds": "8",
    "retransmissions": "9",
    "destination_ctl": '"/c"',
    "destination_itl": '"/i"',
    "destination_configuration": '"/d/{name}"',
    "destination_soft_keys": '"/d/SK"',
    "destination_further": '"/d/{name}"',
    "locale_archive": '"mk-{protocol}.jar"',
    "ring_lists": '["Ringlist.xml"]',
    "console_family": '"con"',
    "status_family": '"sta"',
    "worker_id": "10",
    "first_task_id": "11",
}


def line(name: str, value: str) -> str:
    return f'{name} = {{ value = {value}, sure = "A", source = "s" }}\n'


GOOD = (
    'generation = "P3"\n[defaults]\n'
    + "".join(line(*item) for item in VALUES.items())
    + """
[[model]]
name = "1111"
default_load = "x.1-1"
sure = "A"
source = "s"
[model.values]
"""
    + line("worker_id", "20")
    + line("first_task_id", "21")
    + """
[[load]]
models = ["1111"]
names = ["x.1-1"]
prefixes = ["x.1"]
source = "s"
[load.values]
"""
    + line("first_task_id", "31")
    + """
[[load]]
models = ["1111"]
prefixes = ["x.1-"]
source = "s"
[load.values]
"""
    + line("first_task_id", "41")
)


def test_every_value_reaches_its_field() -> None:
    model = load_models({"f": tomllib.loads(GOOD)}).find("1111")
    assert (model.itl_limit_bytes, model.size_limit_bytes, model.printed_limit_bytes) == (1, 2, 3)
    assert (model.secure_no_ctl_retries, model.retry_seconds) == (None, 4.5)
    assert model.tls == TLSProfile(
        TLSVersion.TLS_1_0, TLSVersion.TLS_1_2, ("AES128-SHA",), tolerates_weak=True
    )
    tftp = model.tftp
    assert (tftp.block_bytes, tftp.window_blocks, tftp.timeout_option_seconds) == (5, 6, 7)
    assert (tftp.transfer_size, tftp.retransmit_seconds, tftp.retransmissions) == (False, 8.0, 9)
    destinations = model.destinations
    assert (destinations.ctl, destinations.itl) == ("/c", "/i")
    assert destinations.configuration == destinations.further == "/d/{name}"
    assert destinations.soft_keys == "/d/SK"
    assert (model.console_family, model.status_family) == ("con", "sta")
    assert model.generation is Generation.P3
    assert (model.protocols, model.digests, model.modulus_bits) == (
        ("SIP",),
        frozenset({1}),
        frozenset({2048}),
    )


def test_a_model_overrides_its_generation_and_a_load_its_model() -> None:
    catalogue = load_models({"f": tomllib.loads(GOOD)})
    model = catalogue.find("1111")
    assert (model.worker_id, model.first_task_id) == (20, 31)
    assert catalogue.loads("1111") == ("x.1*", "x.1-*", "x.1-1")


@pytest.mark.parametrize(("load", "first_task_id"), [("x.1-1", 31), ("x.1-11", 41), ("x.12", 31)])
def test_the_whole_name_counts_before_the_longest_prefix(load: str, first_task_id: int) -> None:
    catalogue = load_models({"f": tomllib.loads(GOOD)})
    assert catalogue.find("1111", load).first_task_id == first_task_id


CASES = [
    ('generation = "P3"', 'generation = "P4"', "f: generation must be one of P0"),
    ('generation = "P3"', "", "f: generation must be one of P0"),
    ("[defaults]", "[default]", "f: unknown key 'default'"),
    ('name = "1111"', "", "f, model 1, name: must be a text"),
    ('name = "1111"', 'name = "1111"\ncolour = 1', "f, model 1: unknown key 'colour'"),
    ('default_load = "x.1-1"', 'default_load = "y"', "model 1111: no load entry fits"),
    ('sure = "A"\nsource = "s"\n[model', 'sure = "Z"\nsource = "s"\n[model', "how sure"),
    ('sure = "A"\nsource = "s"\n[model', 'sure = "A"\nsource = ""\n[model', "source: must be a"),
    ('models = ["1111"]', 'models = ["2222"]', "the model '2222', which no file describes"),
    ('models = ["1111"]', "models = []", "f, load 1, models: must be a list of texts"),
    ('prefixes = ["x.1-"]', "", "f, load 2: needs 'names' or 'prefixes'"),
    ('prefixes = ["x.1-"]', "prefixes = []", "f, load 2, prefixes: must be a list of texts"),
    ('prefixes = ["x.1-"]', 'prefixes = [""]', "f, load 2, prefixes: must be a text"),
    ("[[model]]", "[models]", "unknown key 'models'"),
    (line("worker_id", "10"), line("worker", "10"), "f, worker: no such value; known: console"),
    (line("worker_id", "10"), "worker_id = 10\n", "f, worker_id: must be { value, sure, source }"),
    (line("console_family", '"con"'), "", "model 1111 under x.1-1: no value for 'console_family'"),
    (line("digests", "[1]"), line("digests", "[1]").replace('"A"', '"D"'), "sure as one of A, B"),
    (line("digests", "[1]"), line("digests", "[1]").replace('"s"', '""'), "source: must be a text"),
]
TLS_RULE = "the lowest and the highest of TLSv1, TLSv1.1, TLSv1.2, TLSv1.3"
WRONG_VALUES = [
    ("security_by_default", "1", "true or false"),
    ("digests", "[]", "a list of numbers"),
    ("digests", '["1"]', "a number from 0 up"),
    ("digests", "[true]", "a number from 0 up"),
    ("itl_limit_bytes", "-1", "a number from 0 up"),
    ("secure_no_ctl_retries", '"often"', "a number from 0 up"),
    ("retry_seconds", "0", "a number of seconds above 0"),
    ("retry_seconds", "nan", "a number of seconds above 0"),
    ("retry_seconds", "inf", "a number of seconds above 0"),
    ("retry_seconds", "true", "a number of seconds above 0"),
    ("transports", '["UDP"]', "some of TFTP, HTTP, HTTPS"),
    ("tls_versions", '["TLSv1"]', TLS_RULE),
    ("tls_versions", '["TLSv1", "TLSv1.1", "TLSv1.2"]', TLS_RULE),
    ("tls_versions", '["SSLv3", "TLSv1"]', TLS_RULE),
    ("tls_versions", '["TLSv1.2", "TLSv1"]', "the lowest version before the highest"),
    ("tls_ciphers", "[]", "a list of texts"),
    ("tls_tolerates_weak", '"yes"', "true or false"),
    ("destination_configuration", '"/d/{other}"', "a path with no place but {name}"),
    ("destination_ctl", '"}"', "a path with no place but {name}"),
    ("console_family", '""', "a text"),
]


@pytest.mark.parametrize(("old", "new", "rule"), CASES)
def test_a_wrong_file_is_refused(old: str, new: str, rule: str) -> None:
    assert old in GOOD
    with pytest.raises(UnusableInput) as caught:
        load_models({"f": tomllib.loads(GOOD.replace(old, new, 1))})
    assert rule in str(caught.value)


@pytest.mark.parametrize(("name", "value", "rule"), WRONG_VALUES)
def test_a_wrong_value_is_refused(name: str, value: str, rule: str) -> None:
    spoiled = GOOD.replace(line(name, VALUES[name]), line(name, value), 1)
    assert spoiled != GOOD
    with pytest.raises(UnusableInput) as caught:
        load_models({"f": tomllib.loads(spoiled)})
    assert f"f, {name}: must be {rule}, not" in str(caught.value)


def test_a_model_stands_in_one_file_only() -> None:
    table = tomllib.loads(GOOD)
    with pytest.raises(UnusableInput, match="g: a second model '1111'"):
        load_models({"f": table, "g": table})


@pytest.mark.parametrize("file", [1, {"generation": "P0", "defaults": 1}])
def test_what_is_no_table_is_refused(file: object) -> None:
    with pytest.raises(UnusableInput, match="must be a table, not 1"):
        load_models({"f": file})


def test_what_is_no_array_of_tables_is_refused() -> None:
    file = {"generation": "P0", "defaults": {}, "load": 1}
    with pytest.raises(UnusableInput, match="'load' must be an array of tables"):
        load_models({"f": file})


def test_the_reader_of_values_names_a_missing_one() -> None:
    with pytest.raises(UnusableInput, match="here: no value for 'console_family'"):
        build_model("1", Generation.P0, "l", {}, "here")


def test_the_files_of_this_test_know_every_value() -> None:
    assert set(VALUES) == set(READERS)


def test_shipped_models_are_read_once() -> None:
    assert model_catalogue() is model_catalogue()
