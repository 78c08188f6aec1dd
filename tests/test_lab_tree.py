"""The TFTP tree: what is below the root is served, and nothing else."""

import os
from pathlib import Path

import pytest

from firmware_sim.cluster import FileSource, NotFound
from firmware_sim.tree import Tree


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A tree with two files, and a secret beside it."""
    (tmp_path / "secret").write_bytes(b"secret")
    root = tmp_path / "tftp"
    (root / "New_Zealand").mkdir(parents=True)
    (root / "RINGLIST.XML").write_bytes(b"rings")
    (root / "New_Zealand" / "g3-tones.xml").write_bytes(b"tones")
    return root


def test_files_below_the_root(root: Path) -> None:
    tree: FileSource = Tree(root)
    assert tree.answer("phone", "RINGLIST.XML") == b"rings"
    assert tree.answer("phone", "New_Zealand/g3-tones.xml") == b"tones"
    assert tree.served_name("RINGLIST.XML") == "RINGLIST.XML"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/",
        ".",
        "..",
        "../secret",
        "New_Zealand/../../secret",
        "New_Zealand/../RINGLIST.XML",
        "./RINGLIST.XML",
        "New_Zealand//g3-tones.xml",
        "New_Zealand",
        "New_Zealand/",
        "RINGLIST.XML/",
        "RINGLIST.XML/x",
        "ringlist.xml",
        "RINGLIST.XML\0",
        "..\\secret",
        "\udcff",
        "x" * 5000,
    ],
)
def test_everything_else_is_not_found(root: Path, name: str) -> None:
    assert Tree(root).answer("phone", name) == NotFound(name)


def test_absolute_names_are_not_found(root: Path) -> None:
    name = str(root / "RINGLIST.XML")
    assert Tree(root).answer("phone", name) == NotFound(name)


def test_links_inside_are_followed_and_links_out_are_not(root: Path) -> None:
    (root / "inside").symlink_to("New_Zealand/g3-tones.xml")
    (root / "folder").symlink_to("New_Zealand")
    (root / "outside").symlink_to("../secret")
    (root / "absolute").symlink_to(root.parent / "secret")
    (root / "parent").symlink_to("..")
    (root / "root").symlink_to(".")
    (root / "loop").symlink_to("loop")
    tree = Tree(root)
    assert tree.answer("phone", "inside") == b"tones"
    assert tree.answer("phone", "folder/g3-tones.xml") == b"tones"
    for name in ("outside", "absolute", "parent/secret", "root", "loop"):
        assert tree.answer("phone", name) == NotFound(name)


def test_the_root_itself_may_be_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    assert Tree(tmp_path / "link").answer("phone", "RINGLIST.XML") == b"rings"


def test_a_pipe_is_not_found_and_does_not_block(root: Path) -> None:
    os.mkfifo(root / "pipe")
    assert Tree(root).answer("phone", "pipe") == NotFound("pipe")


def test_a_root_that_does_not_exist(tmp_path: Path) -> None:
    assert Tree(tmp_path / "none").answer("phone", "file") == NotFound("file")


def test_no_descriptor_is_left_open(root: Path) -> None:
    (root / "outside").symlink_to("../secret")
    tree, before = Tree(root), open_descriptors()
    for name in ("RINGLIST.XML", "New_Zealand", "New_Zealand/none", "outside", "RINGLIST.XML/x"):
        tree.answer("phone", name)
    assert open_descriptors() == before


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
