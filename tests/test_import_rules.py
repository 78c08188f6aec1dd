"""The layers of the design, held over the import statements of all three packages.

A layer may use what stands in its row of `MAY_USE`, and nothing else of this project.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("secd", "statusmsgs", "firmware_sim")

BOTTOM = {"errors", "words", "text", "wire", "crypto", "certs", "transfer"}
DATA = BOTTOM | {"trace", "models"}
CODECS = {"envelope", "trustlist", "tftp", "http", "tvs", "capf", "configuration"}
DECISIONS = DATA | CODECS | {"trust"}
MAY_USE = {
    "errors": set(),
    "words": set(),
    "text": set(),
    "transfer": {"words"},
    "wire": {"errors"},
    "crypto": {"errors", "wire"},
    "certs": {"errors", "wire", "crypto"},
    "trace": BOTTOM,
    "models": BOTTOM,
    "envelope": BOTTOM,
    "trustlist": BOTTOM | {"envelope"},
    "tftp": DATA,
    "http": DATA,
    "tvs": DATA,
    "capf": DATA,
    "configuration": DATA,
    "trust": DATA | CODECS,
    "boot": DECISIONS,
    "files": DECISIONS | {"boot"},
    "net": DECISIONS | {"boot", "files"},
    "cli": DECISIONS | {"boot", "files", "net", "__init__"},
    "__init__": set(),
}
# Below secd/files and secd/net there is no clock, no chance, no disk, no network, no log.
IMPURE = {
    *("trio", "socket", "ssl", "OpenSSL", "select", "asyncio", "threading", "subprocess"),
    *("time", "random", "secrets", "logging", "os", "io", "pathlib"),
}
NETWORK = {"trio", "socket", "ssl", "OpenSSL", "select", "asyncio", "tftpy", "http", "urllib"}
PURE = sorted(MAY_USE.keys() - {"files", "net", "cli"})


@dataclass(frozen=True, slots=True)
class Import:
    """One imported module. where -- what must happen before Python imports it."""

    module: str
    where: Literal["module", "function", "typing"]

    @property
    def unit(self) -> str:
        """The first two parts of a module of ours, the first of anything else."""
        parts = self.module.split(".")
        return ".".join(parts[:2]) if parts[0] in PACKAGES else parts[0]


def imports_in(source: str, package: str) -> Iterator[Import]:
    """Find the imports of a module that stands in `package`."""
    yield from _imports_below(ast.parse(source), package, "module")


def _imports_below(
    node: ast.AST, package: str, where: Literal["module", "function", "typing"]
) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, where) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            yield from _imported_from(child, package, where)
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _imports_below(child, package, "function")
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            yield from _imports_below(child, package, "typing")
        else:
            yield from _imports_below(child, package, where)


def _imported_from(
    node: ast.ImportFrom, package: str, where: Literal["module", "function", "typing"]
) -> Iterator[Import]:
    base = node.module or ""
    if node.level:
        parents = package.split(".")[: len(package.split(".")) - node.level + 1]
        base = ".".join([*parents, *([base] if base else [])])
    if base not in PACKAGES:
        yield Import(base, where)
        return
    for alias in node.names:
        path = ROOT / base / alias.name
        is_module = path.is_dir() or path.with_suffix(".py").exists()
        yield Import(f"{base}.{alias.name if is_module else '__init__'}", where)


def modules_of(unit: str) -> list[Path]:
    """Return the modules of `secd.trust`, or of the one file `secd.wire`."""
    path = ROOT.joinpath(*unit.split("."))
    return sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]


def imports_of(unit: str) -> Iterator[Import]:
    for path in modules_of(unit):
        package = ".".join(path.parent.relative_to(ROOT).parts)
        yield from imports_in(path.read_text(), package)


def units(package: str) -> list[str]:
    names = {
        path.stem for path in (ROOT / package).iterdir() if path.suffix == ".py" or path.is_dir()
    }
    return sorted(f"{package}.{name}" for name in names - {"__pycache__", "data"})


def in_layer(layer: str) -> str:
    unit = f"secd.{layer}"
    assert unit in units("secd")
    return unit


def test_every_part_of_secd_has_its_row() -> None:
    assert [unit for unit in units("secd") if unit.removeprefix("secd.") not in MAY_USE] == []


@pytest.mark.parametrize("layer", MAY_USE)
def test_a_layer_uses_only_what_is_below_it(layer: str) -> None:
    unit = in_layer(layer)
    allowed = {f"secd.{name}" for name in MAY_USE[layer] | {layer}}
    ours = {found.unit for found in imports_of(unit) if found.unit.startswith("secd.")}
    assert ours - allowed == set()


@pytest.mark.parametrize("layer", sorted(MAY_USE.keys() - {"net", "cli"}))
def test_only_net_and_cli_join_the_phone_to_its_messages(layer: str) -> None:
    found = {found.module.split(".")[0] for found in imports_of(in_layer(layer))}
    assert "statusmsgs" not in found


@pytest.mark.parametrize("layer", PURE)
def test_nothing_below_files_and_net_knows_clock_chance_disk_or_network(layer: str) -> None:
    unit = in_layer(layer)
    assert {found.unit for found in imports_of(unit)} & IMPURE == set()


@pytest.mark.parametrize("layer", PURE)
def test_nothing_below_files_and_net_opens_a_file(layer: str) -> None:
    for path in modules_of(in_layer(layer)):
        calls = [
            node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)
        ]
        assert [call.lineno for call in calls if ast.unparse(call.func) == "open"] == []


def test_files_know_no_network() -> None:
    assert {found.unit for found in imports_of(in_layer("files"))} & NETWORK == set()


def test_the_command_line_loads_the_network_only_inside_its_commands() -> None:
    lazy = [
        found.where for found in imports_of(in_layer("cli")) if found.unit in {"secd.net", *NETWORK}
    ]
    assert "module" not in lazy


def test_statusmsgs_is_a_leaf() -> None:
    found = {found.unit for found in imports_of("statusmsgs")}
    assert {unit for unit in found if unit.startswith(("secd", "firmware_sim"))} == set()
    assert found & NETWORK == set()


@pytest.mark.parametrize("package", ["secd", "statusmsgs"])
def test_nobody_uses_firmware_sim_but_itself(package: str) -> None:
    assert [found for found in imports_of(package) if found.unit.startswith("firmware_sim")] == []


@pytest.mark.parametrize(
    "unit", [unit for unit in units("firmware_sim") if not unit.endswith((".net", ".cli"))]
)
def test_in_firmware_sim_only_net_and_cli_know_a_network(unit: str) -> None:
    forbidden = {*NETWORK, "secd.net", "secd.cli", "firmware_sim.net", "firmware_sim.cli"}
    assert {found.unit for found in imports_of(unit)} & forbidden == set()


def test_the_servers_of_firmware_sim_know_no_command_line() -> None:
    found = {found.unit for found in imports_of("firmware_sim.net")}
    assert found & {"secd.cli", "firmware_sim.cli", "click"} == set()


@pytest.mark.parametrize(
    "statement",
    [
        "import secd.cli",
        "from secd.cli import main; sys.argv = ['secd', 'verify', '--help']; main()",
    ],
    ids=["import", "verify --help"],
)
def test_reading_a_file_starts_no_trio(statement: str) -> None:
    in_layer("cli")
    program = (
        f"import sys\ntry:\n    {statement}\nexcept SystemExit as end:\n    assert not end.code\n"
        "print(sorted({'trio', 'ssl', 'OpenSSL', 'secd.net'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


SAMPLE = """
import os.path, secd.net.kernel as kernel
from . import fetch
from ..trust import decide
from secd import wire, __version__
if TYPE_CHECKING:
    from secd.files import flash
try:
    import trio
except ImportError:
    pass
async def run():
    from secd.cli import main
"""


def test_the_finder_of_imports_finds_every_form() -> None:
    assert [(found.unit, found.where) for found in imports_in(SAMPLE, "secd.boot")] == [
        ("os", "module"),
        ("secd.net", "module"),
        ("secd.boot", "module"),
        ("secd.trust", "module"),
        ("secd.wire", "module"),
        ("secd.__init__", "module"),
        ("secd.files", "typing"),
        ("trio", "module"),
        ("secd.cli", "function"),
    ]
