"""Administrators' commands: what changes when, that a change is whole, and what is refused."""

import errno
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from administration_site import (
    BEFORE_12,
    DEVICE,
    FROM_12,
    KEYS,
    NOW,
    content,
    deaths,
    list_of,
    new_cluster,
    typed,
)
from administration_site import site as site  # a fixture
from test_cli_running import FIRMWARE_SIM, lab_command

from firmware_sim.administration.commands import (
    Service,
    Unit,
    regenerate,
    restart,
    set_mixed_mode,
    set_non_secure_mode,
    update_ctl,
)
from firmware_sim.administration.directory import Draft, create, drafting, read_cluster, read_list
from firmware_sim.administration.journal import JOURNAL
from firmware_sim.administration.network import set_hostname
from firmware_sim.administration.serving import CurrentCAPF, CurrentTVS, ServedNode
from firmware_sim.cluster import (
    CTL_FILE,
    ITL_FILE,
    Device,
    NotFound,
    PooledKeys,
    Release,
)
from secd.errors import UnusableInput
from secd.trust import verifies_itself
from secd.trustlist import Function
from secd.tvs import FOUND, VerifyCertificate


def as_it_is(device: Device) -> Device:
    return device


def test_a_new_certificate_is_used_only_after_the_restarts(site: Path) -> None:
    node = ServedNode(site, "cucm-1", as_it_is)
    itl, name = node.answer("x", ITL_FILE), f"{DEVICE}.cnf.xml.sgn"
    before = node.answer("x", name)
    with drafting(site) as draft:
        regenerate(draft, Unit.CALLMANAGER, draft.node("cucm-1"), KEYS, NOW)
    new = read_cluster(site).nodes[1].callmanager
    assert (node.answer("x", ITL_FILE), node.answer("x", name)) == (itl, before)
    with drafting(site) as draft:
        restart(draft, Service.TFTP, draft.node("cucm-1"), NOW)
    served = list_of(node.answer("x", ITL_FILE))
    assert served.header.signer.serial == new.serial
    assert verifies_itself(served)
    assert node.answer("x", name) != before
    loaded = site / "nodes/cucm-1/running/CallManager.pem"
    old = loaded.read_bytes()
    with drafting(site) as draft:
        restart(draft, Service.CALLMANAGER, draft.node("cucm-1"), NOW)
    assert loaded.read_bytes() != old
    assert (
        list_of(ServedNode(site, "cucm-0", as_it_is).answer("x", ITL_FILE)).header.timestamp != NOW
    )


def test_tvs_knows_a_new_certificate_at_once(site: Path) -> None:
    tvs = CurrentTVS(site, "cucm-0")
    with drafting(site) as draft:
        regenerate(draft, Unit.CALLMANAGER, draft.node(None), KEYS, NOW)
    new = read_cluster(site).publisher.callmanager
    assert tvs.answer(VerifyCertificate(new.certificate)).status == FOUND


def test_tvs_and_capf_show_a_new_certificate_after_a_restart_only(site: Path) -> None:
    tvs, capf = CurrentTVS(site, "cucm-1"), CurrentCAPF(site, Random(2))
    before = tvs.identity().certificate, capf.identity().certificate
    with drafting(site) as draft:
        regenerate(draft, Unit.TVS, draft.node("cucm-1"), KEYS, NOW)
        regenerate(draft, Unit.CAPF, draft.node(None), KEYS, NOW)
    assert (tvs.identity().certificate, capf.identity().certificate) == before
    with drafting(site) as draft:
        restart(draft, Service.TVS, draft.node("cucm-1"), NOW)
        restart(draft, Service.CAPF, draft.node(None), NOW)
    cluster = read_cluster(site)
    assert tvs.identity().certificate == cluster.nodes[1].tvs.certificate != before[0]
    assert capf.capf.certificate == cluster.capf.certificate != before[1]


def test_capf_follows_the_devices_of_a_cluster(site: Path) -> None:
    capf = CurrentCAPF(site, Random(2))
    assert list(capf.devices) == [DEVICE]
    with drafting(site) as draft:
        draft.cluster.add_device(Device("SEP001122334455", "7961"))
    assert list(capf.devices) == [DEVICE, "SEP001122334455"]


def test_capf_runs_on_the_publisher(site: Path) -> None:
    with pytest.raises(UnusableInput, match="cucm-0"), drafting(site) as draft:
        restart(draft, Service.CAPF, draft.node("cucm-1"), NOW)


@pytest.mark.parametrize("unit", Unit)
def test_every_unit_gets_a_new_certificate_and_no_other(site: Path, unit: Unit) -> None:
    before = content(site)
    with drafting(site) as draft:
        regenerate(draft, unit, draft.node(None), KEYS, NOW)
    after = content(site)
    name = {"CallManager": "callmanager-0", "TVS": "tvs-0"}.get(unit, unit.lower())
    assert [key for key in after if after[key] != before.get(key)] == [f"keys/{name}.pem"]
    cluster = read_cluster(site)
    if unit is Unit.CAPF:
        assert cluster.capf.subject.startswith(b"CN=CAPF-")
        assert cluster.capf.subject != new_cluster().capf.subject
    else:
        assert b"cucm-0" in cluster.publisher.callmanager.subject


@pytest.mark.parametrize(("release", "signer"), [(BEFORE_12, "cucm-0"), (FROM_12, "ITLRECOVERY")])
def test_mixed_mode_writes_to_all_and_serves_after_the_restart(
    tmp_path: Path, release: Release, signer: str
) -> None:
    create(tmp_path / "site", new_cluster(release=release))
    site, node = tmp_path / "site", ServedNode(tmp_path / "site", "cucm-1", as_it_is)
    with drafting(site) as draft:
        set_mixed_mode(draft, NOW)
    cluster = read_cluster(site)
    goes_on = release is FROM_12  # autoregistration in mixed mode: from 11.5 on (200716)
    assert (cluster.mixed_mode, cluster.autoregistration) == (True, goes_on)
    first, second = (read_list(site, one, CTL_FILE) for one in cluster.nodes)
    assert first == second
    ctl = list_of(first)
    assert verifies_itself(ctl)
    assert ctl.header.signer.name.decode().startswith(f"CN={signer}")
    publisher = cluster.publisher.callmanager.certificate
    functions = [r.function for r in ctl.records if r.certificate == publisher]
    assert functions == [Function.SAST, Function.CCM_TFTP]
    assert isinstance(node.answer("x", CTL_FILE), NotFound)
    with drafting(site) as draft:
        restart(draft, Service.TFTP, draft.node("cucm-1"), NOW)
    assert node.answer("x", f"CTL{DEVICE}.tlv") == second


def test_back_to_non_secure_mode_the_nodes_lose_their_certificates(site: Path) -> None:
    with pytest.raises(UnusableInput, match="non-secure mode already"), drafting(site) as draft:
        set_non_secure_mode(draft, NOW)
    with pytest.raises(UnusableInput, match="no CTL to update"), drafting(site) as draft:
        update_ctl(draft, NOW)
    with drafting(site) as draft:
        set_mixed_mode(draft, NOW)
    with drafting(site) as draft:
        update_ctl(draft, NOW + 1)
    with drafting(site) as draft:
        set_non_secure_mode(draft, NOW + 2)
    ctl = list_of(read_list(site, read_cluster(site).publisher, CTL_FILE))
    bare = [record.certificate for record in ctl.records if record.function == Function.CCM_TFTP]
    assert bare == [None, None]
    assert any(record.function == Function.SAST and record.certificate for record in ctl.records)


def mixed_mode_and_tvs(draft: Draft) -> None:
    set_mixed_mode(draft, NOW)
    regenerate(draft, Unit.TVS, draft.node("cucm-1"), PooledKeys(1), NOW)


def another_name(draft: Draft) -> None:
    set_hostname(draft, draft.node("cucm-1"), "cucm-two", PooledKeys(2), NOW)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (
            mixed_mode_and_tvs,
            {
                *("cluster.toml", "keys/tvs-1.pem"),
                *("nodes/cucm-0/CTLFile.tlv", "nodes/cucm-1/CTLFile.tlv"),
            },
        ),
        (
            another_name,
            {
                *("cluster.toml", "keys/tvs-1.pem", "keys/callmanager-1.pem"),
                *(f"nodes/cucm-two/running/{name}.pem" for name in ("TFTP", "CallManager", "TVS")),
                "nodes/cucm-two/running/ITLFile.tlv",
            },
        ),
    ],
)
def test_a_death_at_any_point_leaves_the_old_cluster_or_the_new_one(
    site: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Draft], None],
    names: set[str],
) -> None:
    old, state = content(site), (site / "cluster.toml").read_bytes()
    outcomes = set()
    for root, died in deaths(site, tmp_path, monkeypatch, change):
        after = content(root)
        changed = (root / "cluster.toml").read_bytes() != state
        if changed:
            assert {name for name in after if after[name] != old.get(name)} == names
            read_cluster(root)
            folders = {path.name for path in (root / "nodes").iterdir()}
            assert folders == {node.name for node in read_cluster(root).nodes}
        else:
            assert after == old
        outcomes.add((died, changed))
    assert outcomes == {(True, False), (True, True), (False, True)}


def test_a_full_disk_on_one_node_changes_nothing(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(site)
    real = os.open

    def full(path: str, flags: int, mode: int = 0o777) -> int:
        if "cucm-1" in str(path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return real(path, flags, mode)

    def change() -> None:
        with drafting(site) as draft:
            set_mixed_mode(draft, NOW)
            monkeypatch.setattr(os, "open", full)

    with pytest.raises(UnusableInput, match=r"cucm-1/CTLFile.*No space left.*nothing has been"):
        change()
    monkeypatch.undo()
    assert content(site) == before
    assert not list(site.rglob("*.new"))


def test_the_second_administrator_is_told(site: Path) -> None:
    complaint = "another administrator"
    with drafting(site), pytest.raises(UnusableInput, match=complaint), drafting(site):
        pass


def test_a_list_that_no_phone_loads_is_not_written(tmp_path: Path) -> None:
    create(tmp_path, new_cluster(nodes=70))
    complaint = "phones load no more than 65536"
    with pytest.raises(UnusableInput, match=complaint), drafting(tmp_path) as draft:
        set_mixed_mode(draft, NOW)
    assert read_cluster(tmp_path).ctl is None


def test_what_a_node_may_not_do(site: Path) -> None:
    for unit in (Unit.CAPF, Unit.ITL_RECOVERY):
        with pytest.raises(UnusableInput, match="name cucm-0"), drafting(site) as draft:
            regenerate(draft, unit, draft.node("cucm-1"), KEYS, NOW)
    complaint = "no node 'nobody'; the nodes are cucm-0, cucm-1"
    with pytest.raises(UnusableInput, match=complaint), drafting(site) as draft:
        draft.node("nobody")


@pytest.mark.parametrize("line", [b"replace ../x", b"remove /etc/x", b"erase x", b"", b"\xff"])
def test_a_corrupt_journal_touches_nothing(site: Path, line: bytes) -> None:
    (site / JOURNAL).write_bytes(line + b"\n")
    before = content(site)
    with pytest.raises(UnusableInput, match=r"no line of a journal|is no journal"), drafting(site):
        pass
    assert content(site) == before


def test_a_corrupt_directory_is_named(site: Path, tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="is no cluster directory; firmware-sim cluster new"):
        read_cluster(tmp_path)
    with pytest.raises(UnusableInput, match="is not empty"):
        create(site, new_cluster())
    bad = new_cluster()
    bad.nodes[1].name = "../x"
    with pytest.raises(UnusableInput, match="no name or address of a node"):
        create(tmp_path / "bad", bad)
    (site / "nodes/cucm-0/running/ITLFile.tlv").unlink()
    with pytest.raises(UnusableInput, match="restart Cisco Tftp on cucm-0"):
        ServedNode(site, "cucm-0", as_it_is)
    node = ServedNode(site, "cucm-1", as_it_is)
    served = node.answer("x", ITL_FILE)
    (site / "cluster.toml").write_text("rubbish")
    assert node.answer("x", ITL_FILE) == served
    with pytest.raises(UnusableInput, match=r"cluster\.toml"), drafting(site):
        pass


def test_secrets_are_their_owners(site: Path) -> None:
    assert {path.stat().st_mode & 0o777 for path in site.rglob("*.pem")} == {0o600}
    assert (site / "keys").stat().st_mode & 0o077 == 0


def test_the_commands_ask_and_say_what_cucm_does(site: Path) -> None:
    before = content(site)
    mixed = ("utils", "ctl", "set-cluster", "mixed-mode")
    code, said = typed(site, *mixed, answer="n\n")
    assert (code, content(site)) == (1, before)
    assert "Do you want to continue? (y/n):" in said
    assert typed(site, "show", "ctl")[0] == 1
    code, said = typed(site, *mixed, answer="y\n")
    assert (code, said.splitlines()[-2]) == (0, "Cluster set to Mixed Mode")
    code, said = typed(site, "show", "ctl", "--node", "cucm-1")
    assert (code, said.splitlines()[-1]) == (0, "The CTL file was verified successfully.")
    assert typed(site, "show", "itl")[0] == 0
    assert "CTL file Updated" in typed(site, "utils", "ctl", "update", "CTLFile", answer="y\n")[1]
    code, said = typed(site, "set", "cert", "regen", "ITLRecovery", answer="yes\n")
    assert (code, "Successfully Regenerated Certificate for ITLRecovery." in said) == (0, True)
    code, said = typed(site, "utils", "service", "restart", "Cisco", "CallManager")
    assert "phones registered with cucm-0 reset" in said
    code, said = typed(site, "show", "cert", "--node", "cucm-1")
    assert [line for line in said.splitlines() if line[0] != " "] == ["CallManager.pem", "TVS.pem"]


def test_a_lab_serves_a_new_cluster_directory(tmp_path: Path) -> None:
    site = tmp_path / "site"
    new = [*FIRMWARE_SIM, "cluster", "new", "--dir", str(site)]
    subprocess.run(new, check=True, capture_output=True)
    with subprocess.Popen(lab_command(site), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            lines = [process.stdout.readline() for _ in range(2)]
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
        finally:
            process.kill()
    assert [line.split(": ")[0] for line in lines] == [
        "serving cucm-pub (14.48.44.80) on 127.0.0.1",
        "serving cucm-sub (14.48.44.81) on 127.0.0.2",
    ]
