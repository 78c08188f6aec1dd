"""Cluster directories that somebody wrote by hand, or that a death left half changed."""

import errno
import os
from pathlib import Path

import pytest
from administration_site import KEYS, NOW, Died, content, list_of, new_cluster
from administration_site import site as site  # a fixture
from click.testing import CliRunner

from firmware_sim.administration.directory import (
    ClusterBusy,
    create,
    drafting,
    holding,
    read_cluster,
    read_list,
)
from firmware_sim.administration.journal import JOURNAL, change_all, prepare
from firmware_sim.administration.network import set_hostname
from firmware_sim.administration.serving import CurrentCluster
from firmware_sim.cli import commands
from firmware_sim.cluster import ITL_FILE
from firmware_sim.lab import write_secret
from secd.errors import UnusableInput

STATE = "cluster.toml"
STRANGE_NAMES = ["../../outside", "a/b", ".", "..", "", "a b", "a\x1b[31m", "a" * 53]


def told(root: Path, *words: str) -> None:
    """Run a command on a directory. Raises what the user would be told."""
    line = [*words, "--dir", str(root)]
    CliRunner().invoke(commands, line, catch_exceptions=False)


def rename_by_hand(root: Path, name: str) -> None:
    toml = (root / STATE).read_text()
    written = name.replace("\x1b", "\\u001b")
    (root / STATE).write_text(toml.replace('name = "cucm-1"', f'name = "{written}"'))


@pytest.mark.parametrize("name", STRANGE_NAMES)
def test_a_node_named_like_a_way_out_is_refused_before_anything_is_written(
    site: Path, name: str
) -> None:
    rename_by_hand(site, name)
    everything = sorted(site.parent.rglob("*"))
    with pytest.raises(UnusableInput, match=r"cluster\.toml: .* no name or address of a node"):
        read_cluster(site)
    with pytest.raises(UnusableInput, match=r"cluster\.toml") as refused:
        told(site, "utils", "service", "restart", "--node", name, "Cisco", "Tftp")
    assert "\x1b" not in str(refused.value)
    assert sorted(site.parent.rglob("*")) == everything


@pytest.mark.parametrize(
    ("there", "instead", "complaint"),
    [("cucm-1", "cucm-0", "two nodes have the name"), ("10.0.0.1", "10.0.0.0", "the address")],
)
def test_two_nodes_are_two(site: Path, there: str, instead: str, complaint: str) -> None:
    state = (site / STATE).read_text()
    (site / STATE).write_text(state.replace(f'"{there}"', f'"{instead}"'))
    with pytest.raises(UnusableInput, match=complaint):
        read_cluster(site)


@pytest.mark.parametrize(
    ("nodes", "complaint"),
    [
        (["=10.0.0.1"], "no name or address"),
        (["a" * 53 + "=10.0.0.1"], "1 to 52 letters"),
        (["a=10.0.0.1", "a=10.0.0.2"], "two nodes have the name a"),
        (["a=10.0.0.1", "b=10.0.0.1"], "two nodes have the address"),
    ],
)
def test_a_new_cluster_has_nodes_that_can_be_told_apart(
    tmp_path: Path, nodes: list[str], complaint: str
) -> None:
    options = [word for node in nodes for word in ("--node", node)]
    with pytest.raises(UnusableInput, match=complaint):
        told(tmp_path / "new", "cluster", "new", *options)
    assert not (tmp_path / "new").exists()


def test_the_longest_name_goes_into_every_certificate(tmp_path: Path) -> None:
    root = tmp_path / "site"
    create(root, new_cluster(nodes=1))
    with drafting(root) as draft:
        set_hostname(draft, draft.node(None), "a" * 52, KEYS, NOW)
    assert read_cluster(root).publisher.name == "a" * 52


@pytest.mark.parametrize("name", ["../x", "/x", "", "a\nreplace b"])
def test_what_could_not_be_finished_is_never_decided(site: Path, name: str) -> None:
    before = content(site)
    for octets in (b"new", None):
        with pytest.raises(UnusableInput, match="no line of a journal"):
            change_all(site, {STATE: b"new", name: octets})
    assert content(site) == before
    assert not list(site.parent.rglob("*.new"))


def test_a_change_does_not_make_another_one_forgotten(site: Path) -> None:
    """Providers commit one after the other while they hold the cluster."""
    (site / "old").write_bytes(b"old")
    first = prepare(site, {"old": None, "new": b"1"}, "first")
    second = prepare(site, {"later": b"2"}, "second")
    (site / "first.new").rename(site / JOURNAL)  # decided, and the disk failed then
    second.commit()
    assert first.names == ("old", "new")
    assert not (site / "old").exists()
    assert ((site / "new").read_bytes(), (site / "later").read_bytes()) == (b"1", b"2")
    assert not (site / JOURNAL).exists()


def half_rename(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decide another name for the publisher, and die when its state, but no list, is in place."""
    real = Path.replace

    def replace(path: Path, target: Path) -> None:
        if path.name == f"{ITL_FILE}.new":
            raise Died
        real(path, target)

    with monkeypatch.context() as patched, holding(site) as draft:
        set_hostname(draft, draft.node(None), "cucm-new", KEYS, NOW)
        prepared = prepare(site, draft.changes(), JOURNAL)
        patched.setattr(Path, "replace", replace)
        with pytest.raises(Died):
            prepared.commit()


def test_who_only_looks_finishes_what_was_decided(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half_rename(site, monkeypatch)
    cluster = read_cluster(site)
    list_of(read_list(site, cluster.publisher, ITL_FILE))
    assert cluster.publisher.name == "cucm-new"
    assert not (site / JOURNAL).exists()


def test_a_lab_does_not_begin_with_half_a_change(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half_rename(site, monkeypatch)
    assert CurrentCluster(site).now().publisher.name == "cucm-new"
    assert not (site / JOURNAL).exists()


def test_looking_waits_for_whoever_is_writing(site: Path) -> None:
    with drafting(site):
        (site / JOURNAL).write_bytes(b"")
        with pytest.raises(ClusterBusy, match="another administrator"):
            told(site, "show", "cert")
        (site / JOURNAL).unlink()


def test_a_key_that_cannot_be_exported_leaves_nothing(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UnusableInput, match="No space left"):
        write_secret(site.parent / "k.p12", b"key")
    assert [path.name for path in site.parent.iterdir()] == ["site"]
