"""The checklist: every finding by its cause; reading, wording and the command itself."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from administration_site import (
    DEVICE,
    KEYS,
    MADE_AT,
    NOW,
    content,
    new_cluster,
    typed,
)
from administration_site import site as site  # a fixture
from checking_site import (
    MODELS,
    boot,
    new_phone,
    renew,
    report_of,
    restart_everywhere,
    site_of,
)

import firmware_sim.administration.checking.wording as wording
from firmware_sim.administration.checking import (
    Finding,
    FindingKind,
    HeldPhone,
    Step,
    StepKind,
    make_report,
)
from firmware_sim.administration.checking.reading import read_phone, read_site
from firmware_sim.administration.commands import (
    Service,
    Unit,
    regenerate,
    set_mixed_mode,
    set_non_secure_mode,
)
from firmware_sim.administration.directory import Draft, create, drafting
from firmware_sim.administration.recovery import recovery_signer, reset_itl
from firmware_sim.cluster import CTL_FILE, CTLKind, SecurityMode, ctl_file, demo_cluster
from firmware_sim.cluster.configuration import device_configuration
from secd.configuration import parse_configuration_untrusted
from secd.errors import UnusableInput
from secd.files.data import model_catalogue
from secd.files.flash import DirectoryFlash
from secd.files.store import PhoneStore
from secd.trust import Installed, Voucher, VoucherOutcome
from secd.trustlist import decode_trust_list_untrusted
from secd.words import FileKind

FIVE_YEARS = 5 * 365 * 86_400


@pytest.fixture
def mixed(site: Path) -> Path:
    with drafting(site) as draft:
        set_mixed_mode(draft, NOW)
    restart_everywhere(site, Service.TFTP)
    return site


def found(root: Path, *phones: HeldPhone) -> dict[FindingKind, Finding]:
    return {one.kind: one for one in report_of(root, *phones).findings}


def value(finding: Finding, name: str) -> str:
    return dict(finding.values)[name]


def kinds_of_steps(root: Path, *phones: HeldPhone) -> list[StepKind]:
    return [step.kind for step in report_of(root, *phones).steps]


def test_a_new_cluster_is_in_step(site: Path, mixed: Path) -> None:
    report = report_of(mixed, new_phone(mixed), new_phone(mixed, "7960"))
    assert (report.in_step, report.findings, report.steps) == (True, (), ())
    rows = [(one.node, one.unit) for one in report.certificates]
    assert rows == [
        ("cucm-0", Unit.CALLMANAGER),
        ("cucm-0", Unit.TVS),
        ("cucm-0", Unit.CAPF),
        ("cucm-0", Unit.ITL_RECOVERY),
        ("cucm-1", Unit.CALLMANAGER),
        ("cucm-1", Unit.TVS),
    ]


@pytest.mark.parametrize(
    ("left_days", "kind", "in_step"),
    [(-1, FindingKind.EXPIRED, False), (20, FindingKind.EXPIRING, True), (40, None, True)],
)
def test_dates_of_certificates(
    site: Path, left_days: int, kind: FindingKind | None, in_step: bool
) -> None:
    at = MADE_AT + FIVE_YEARS - left_days * 86_400
    report = make_report(replace(site_of(site), now_seconds=at), [], MODELS)
    assert {one.kind for one in report.findings} == ({kind} if kind else set())
    assert report.in_step is in_step
    renewals = [(step.kind, step.place, step.unit) for step in report.steps]
    first = [(StepKind.RENEW, "cucm-0", Unit.CALLMANAGER)]  # alone: never all together
    assert renewals == (first if kind else [])


def test_nothing_is_renewed_while_phones_wait(site: Path) -> None:
    renew(site, Unit.TVS)
    late = replace(site_of(site), now_seconds=MADE_AT + FIVE_YEARS + 1)
    steps = [step.kind for step in make_report(late, [], MODELS).steps]
    assert StepKind.RENEW not in steps


def _write_ctl(root: Path, octets: bytes | None, *names: str) -> None:
    for name in names:
        path = root / "nodes" / name / CTL_FILE
        path.unlink(missing_ok=True)
        if octets is not None:
            path.write_bytes(octets)


def lose_ctl(root: Path) -> None:
    _write_ctl(root, None, "cucm-0", "cucm-1")


def garble_ctl(root: Path) -> None:
    _write_ctl(root, b"rubbish", "cucm-0", "cucm-1")


def break_signature(root: Path) -> None:
    octets = bytearray((root / "nodes/cucm-0" / CTL_FILE).read_bytes())
    octets[-1] ^= 1  # in the address of the last record
    _write_ctl(root, bytes(octets), "cucm-0", "cucm-1")


def lose_ctl_of_subscriber(root: Path) -> None:
    _write_ctl(root, None, "cucm-1")


def go_back(root: Path) -> None:
    with drafting(root) as draft:
        set_non_secure_mode(draft, NOW)


def edit(change: Callable[[Draft], None]) -> Callable[[Path], None]:
    def do(root: Path) -> None:
        with drafting(root) as draft:
            change(draft)

    return do


def set_non_secure_by_hand(draft: Draft) -> None:
    draft.cluster.mixed_mode = False


def add_node_behind(draft: Draft) -> None:
    draft.cluster.nodes[1].name = "cucm-2"
    draft.load_all()


def renew_capf(draft: Draft) -> None:
    regenerate(draft, Unit.CAPF, draft.node(None), KEYS, NOW + 5)


def renew_recovery(draft: Draft) -> None:
    regenerate(draft, Unit.ITL_RECOVERY, draft.node(None), KEYS, NOW + 5)


def renew_callmanager_of_subscriber(draft: Draft) -> None:
    regenerate(draft, Unit.CALLMANAGER, draft.node("cucm-1"), KEYS, NOW + 5)


@pytest.mark.parametrize(
    ("harm", "kind", "place"),
    [
        (lose_ctl, FindingKind.NO_CTL, "cluster"),
        (garble_ctl, FindingKind.CTL_UNREADABLE, "cucm-0"),
        (break_signature, FindingKind.CTL_NOT_VERIFIED, "cucm-0"),
        (lose_ctl_of_subscriber, FindingKind.CTL_DIFFERS, "cucm-1"),
        (edit(set_non_secure_by_hand), FindingKind.CTL_CERTIFICATES_LEFT, "cucm-1"),
        (edit(add_node_behind), FindingKind.CTL_LACKS_NODE, "cucm-2"),
        (edit(add_node_behind), FindingKind.CTL_OTHER_SERVER, "cluster"),
        (edit(renew_capf), FindingKind.CTL_OLD_CERTIFICATE, "cucm-0"),
        (edit(renew_recovery), FindingKind.CTL_OLD_CERTIFICATE, "cucm-0"),
        (edit(renew_callmanager_of_subscriber), FindingKind.CTL_OLD_CERTIFICATE, "cucm-1"),
    ],
)
def test_the_ctl_against_the_certificates(
    mixed: Path, harm: Callable[[Path], None], kind: FindingKind, place: str
) -> None:
    harm(mixed)
    assert found(mixed)[kind].place == place
    assert StepKind.UPDATE_CTL in kinds_of_steps(mixed)
    assert not report_of(mixed).in_step


def test_both_serials_and_both_dates_are_told(mixed: Path) -> None:
    old = site_of(mixed).cluster.publisher.callmanager.serial
    renew(mixed, Unit.CALLMANAGER)
    new = site_of(mixed).cluster.publisher.callmanager.serial
    finding = found(mixed)[FindingKind.CTL_OLD_CERTIFICATE]
    assert value(finding, "listed") == old.hex().upper()
    assert value(finding, "serial") == new.hex().upper()
    assert value(finding, "ctl_date").startswith("2017-07-14")
    text = wording.text_of_finding(finding)
    assert old.hex().upper() in text
    assert new.hex().upper() in text


def test_a_certificate_that_stands_twice_is_told_once(mixed: Path) -> None:
    """The publisher's CallManager is a SAST and CCM+TFTP."""
    renew(mixed, Unit.CALLMANAGER)
    kinds = [one.kind for one in report_of(mixed).findings]
    assert kinds.count(FindingKind.CTL_OLD_CERTIFICATE) == 1


def test_a_ctl_outside_mixed_mode_is_a_note(mixed: Path) -> None:
    go_back(mixed)
    restart_everywhere(mixed, Service.TFTP)
    report = report_of(mixed)
    assert [one.kind for one in report.findings] == [FindingKind.CTL_LEFT]
    assert report.in_step
    assert report.steps == ()


def test_what_is_served_against_the_disk(site: Path) -> None:
    with drafting(site) as draft:
        set_mixed_mode(draft, NOW)
    finding = found(site)[FindingKind.TFTP_OLD]
    assert value(finding, "what") == "the CTL"
    renew(site, Unit.CALLMANAGER)
    whats = {
        one.place: value(one, "what")
        for one in report_of(site).findings
        if one.kind is FindingKind.TFTP_OLD
    }
    assert whats == {
        "cucm-0": "the CTL and the ITL and CallManager.pem, which signs files",
        "cucm-1": "the CTL and the ITL",
    }


def test_an_itl_that_cannot_be_read(site: Path) -> None:
    (site / "nodes/cucm-1/running/ITLFile.tlv").write_bytes(b"rubbish")
    assert found(site)[FindingKind.ITL_UNREADABLE].place == "cucm-1"
    assert [step.place for step in report_of(site).steps if step.kind is StepKind.RESTART_TFTP] == [
        "cucm-1"
    ]


def test_a_reset_itl_is_told_of(site: Path) -> None:
    phone = new_phone(site)
    with drafting(site) as draft:
        reset_itl(draft, recovery_signer(draft.cluster), NOW)
    finding = found(site)[FindingKind.ITL_OTHER_SIGNER]
    assert "ITLRECOVERY_cucm-0" in value(finding, "signer")
    # first the phones, then the usual signer again
    steps = kinds_of_steps(site, phone)
    assert steps.index(StepKind.PHONES_TAKE) < steps.index(StepKind.RESTART_TFTP)


@pytest.mark.parametrize(
    ("unit", "kind", "step"),
    [
        (Unit.CALLMANAGER, FindingKind.CALLMANAGER_OLD, StepKind.RESTART_CALLMANAGER),
        (Unit.TVS, FindingKind.TVS_OLD, StepKind.RESTART_TVS),
        (Unit.CAPF, FindingKind.CAPF_OLD, StepKind.RESTART_CAPF),
    ],
)
def test_services_with_old_certificates(
    site: Path, unit: Unit, kind: FindingKind, step: StepKind
) -> None:
    renew(site, unit)
    restart_everywhere(site, Service.TFTP)
    report = report_of(site)
    assert [one.kind for one in report.findings] == [kind]
    assert [one.kind for one in report.steps] == [step]


def test_rollback_ends(site: Path) -> None:
    with drafting(site) as draft:
        draft.cluster.rollback = True
    restart_everywhere(site, Service.TFTP)
    assert FindingKind.ROLLBACK in found(site)
    assert kinds_of_steps(site)[0] is StepKind.ROLLBACK_OFF


def test_a_list_that_no_phone_loads(tmp_path: Path) -> None:
    create(tmp_path, new_cluster(nodes=33))
    finding = found(tmp_path)[FindingKind.LIST_TOO_LARGE]
    assert int(value(finding, "size")) > 65536
    phone = HeldPhone(DEVICE, MODELS[0], Installed(), None)
    refusal = found(tmp_path, phone)[FindingKind.PHONE_REFUSES_LIST]
    assert value(refusal, "reason") == "TOO_LARGE"


def test_a_token_signs_again(tmp_path: Path) -> None:
    cluster = demo_cluster(KEYS, new_cluster().random)
    cluster.publisher.name = cluster.publisher.address
    create(tmp_path, cluster)
    with drafting(tmp_path) as draft:
        draft.write_ctl(_token_ctl(draft))
        renew_capf(draft)
    restart_everywhere(tmp_path, Service.TFTP)
    steps = kinds_of_steps(tmp_path)
    assert StepKind.UPDATE_CTL_TOKENS in steps
    assert StepKind.UPDATE_CTL not in steps
    lose = tmp_path / "nodes" / cluster.publisher.name / CTL_FILE
    for octets in (b"rubbish", None):
        lose.unlink()
        if octets is not None:
            lose.write_bytes(octets)
        assert StepKind.UPDATE_CTL_TOKENS in kinds_of_steps(tmp_path)


def _token_ctl(draft: Draft) -> bytes:
    octets = ctl_file(draft.cluster)
    assert draft.cluster.ctl is CTLKind.ETOKEN
    assert octets is not None
    return octets


def test_an_old_release_without_ctl_needs_tokens(tmp_path: Path) -> None:
    cluster = demo_cluster(KEYS, new_cluster().random)
    cluster.ctl = None
    create(tmp_path, cluster)
    assert StepKind.UPDATE_CTL_TOKENS in kinds_of_steps(tmp_path)


# Phones


def test_a_phone_with_an_older_list(site: Path) -> None:
    phone = new_phone(site)
    renew(site, Unit.CALLMANAGER)
    restart_everywhere(site, Service.TFTP, Service.CALLMANAGER)
    finding = found(site, phone)[FindingKind.PHONE_OLD_LIST]
    assert value(finding, "reason") == "TVS_VOUCHED"
    assert value(finding, "held") != value(finding, "served")
    assert kinds_of_steps(site, phone) == [StepKind.PHONES_TAKE]
    assert report_of(site, boot(site, phone)).in_step


def test_a_phone_of_the_subscriber_is_in_step(site: Path) -> None:
    """Each node's ITL is another: a phone needs that of one of them."""
    phone = new_phone(site)
    itl = (site / "nodes/cucm-1/running/ITLFile.tlv").read_bytes()
    phone = replace(phone, installed=replace(phone.installed, itl=decode_trust_list_untrusted(itl)))
    assert report_of(site, phone).in_step


def test_a_phone_without_lists_and_one_with_too_many(site: Path, mixed: Path) -> None:
    fresh = HeldPhone(DEVICE, MODELS[0], Installed(), None)
    assert FindingKind.PHONE_NO_LIST in found(mixed, fresh)
    phone = new_phone(mixed)
    with drafting(mixed) as draft:
        set_non_secure_mode(draft, NOW)
        draft.write_ctl(None)
    restart_everywhere(mixed, Service.TFTP)
    report = report_of(mixed, phone)
    assert [one.kind for one in report.findings] == [FindingKind.PHONE_KEEPS_LIST]
    assert report.in_step


def test_a_stranger_is_a_note(site: Path) -> None:
    phone = new_phone(site, device="SEP001122334455")
    report = report_of(site, phone)
    assert [one.kind for one in report.findings] == [FindingKind.PHONE_UNKNOWN]
    assert report.in_step


def secure_phone(root: Path) -> HeldPhone:
    with drafting(root) as draft:
        draft.cluster.devices[DEVICE].security_mode = SecurityMode.ENCRYPTED
    cluster = site_of(root).cluster
    octets = device_configuration(cluster, cluster.devices[DEVICE])
    return replace(new_phone(root), configuration=parse_configuration_untrusted(octets))


def test_a_secure_phone_knows_callmanager_by_its_ctl(mixed: Path) -> None:
    """Operation 3: CallManager is renewed and restarted, the CTL is not."""
    phone = secure_phone(mixed)
    assert FindingKind.PHONE_REFUSES_CALLMANAGER not in found(mixed, phone)
    renew(mixed, Unit.CALLMANAGER)
    restart_everywhere(mixed, Service.TFTP, Service.CALLMANAGER)
    finding = found(mixed, phone)[FindingKind.PHONE_REFUSES_CALLMANAGER]
    assert (value(finding, "node"), value(finding, "reason")) == ("cucm-0", "PEER_NOT_LISTED")


def test_a_7960_refuses_the_configuration_of_a_callmanager_that_its_ctl_lacks(mixed: Path) -> None:
    phone = new_phone(mixed, "7960")
    renew(mixed, Unit.CALLMANAGER)
    restart_everywhere(mixed, Service.TFTP)
    finding = found(mixed, phone)[FindingKind.PHONE_REFUSES_CONFIGURATION]
    assert value(finding, "reason") == "SIGNER_UNKNOWN"


def test_capf_that_no_list_knows_is_asked_of_tvs(site: Path) -> None:
    """Row T2: an ITL without CAPF; TVS vouches for it with function 4."""
    phone = new_phone(site)
    itl = phone.installed.itl
    assert itl is not None
    bare = replace(itl, records=tuple(r for r in itl.records if r.function != 4))
    phone = replace(phone, installed=Installed(None, bare))
    one = replace(site_of(site), nodes=site_of(site).nodes[:1])
    same = replace(one.nodes[0], itl=bare.octets, ctl=None)
    report = make_report(replace(one, nodes=(same,)), [phone], MODELS)
    assert FindingKind.PHONE_REFUSES_CAPF not in {f.kind for f in report.findings}


def test_what_tvs_said_before_still_counts(site: Path) -> None:
    """A voucher in the flash, and no TVS that can be asked."""
    phone = new_phone(site)
    renew(site, Unit.CALLMANAGER, Unit.TVS)
    renew(site, Unit.TVS, node="cucm-1")
    restart_everywhere(site, Service.TFTP, Service.TVS)
    assert FindingKind.PHONE_REFUSES_LIST in found(site, phone)
    new = site_of(site).cluster.publisher.callmanager
    voucher = Voucher(
        new.issuer, new.serial, VoucherOutcome.VOUCHED, new.certificate, frozenset({0, 2}), NOW + 9
    )
    phone = replace(phone, vouchers=(voucher,))
    assert FindingKind.PHONE_OLD_LIST in found(site, phone)


# Reading and the command


def flash_of(folder: Path, phone: HeldPhone) -> Path:
    with DirectoryFlash(folder) as flash:
        store = PhoneStore(flash, phone.device, phone.model)
        for kind in (FileKind.CTL, FileKind.ITL):
            held = phone.installed.of(kind)
            if held is not None:
                store.save_list(kind, held.octets)
        store.save_state(phone.vouchers, ())
    return folder


def test_a_flash_is_read(mixed: Path, tmp_path: Path) -> None:
    phone = new_phone(mixed, "7960")
    read = read_phone(flash_of(tmp_path / "phone", phone))
    assert (read.device, read.model.name) == (phone.device, "7960")
    assert read.installed == phone.installed
    for folder, complaint in [("none", "No such directory"), ("site", "no phone has booted here")]:
        with pytest.raises(UnusableInput, match=f"{folder}: .*{complaint}"):
            read_phone(tmp_path / folder)
    (tmp_path / "phone" / "CTLFile.tlv").write_bytes(b"rubbish")
    with pytest.raises(UnusableInput, match=r"phone: CTLFile\.tlv.*damaged"):
        read_phone(tmp_path / "phone")


@pytest.mark.parametrize(
    "name",
    [
        "cluster.toml",
        "keys/tvs-0.pem",
        "nodes/cucm-0/running/TFTP.pem",
        "nodes/cucm-0/running/CallManager.pem",
        "nodes/cucm-1/running/TVS.pem",
        "nodes/cucm-0/running/CAPF.pem",
    ],
)
@pytest.mark.parametrize("octets", [None, b"rubbish", b"\xff\xfe\0"])
def test_a_corrupt_directory_is_named(site: Path, name: str, octets: bytes | None) -> None:
    (site / name).unlink()
    if octets is not None:
        (site / name).write_bytes(octets)
    wanted = "no cluster directory" if (name, octets) == ("cluster.toml", None) else Path(name).name
    with pytest.raises(UnusableInput, match=wanted):
        read_site(site, NOW)


def test_the_command(mixed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules["firmware_sim.cli.administration.check"]
    monkeypatch.setattr(module, "now_seconds", lambda: NOW)
    flash_of(tmp_path / "phones/one", new_phone(mixed))
    flash_of(tmp_path / "phones/two", new_phone(mixed, "7960", "SEP001122334455"))
    phones = ("--phones", str(tmp_path / "phones"))
    code, said = typed(mixed, "check", *phones)
    assert code == 0
    assert "Everything is in step" not in said  # there is a note
    assert "SEP001122334455: note: it is no device of this cluster" in said
    assert "Phones looked at: 2" in said
    renew(mixed, Unit.CAPF)
    before = content(mixed)
    code, said = typed(mixed, "check", "--phones", str(tmp_path / "phones/one"))
    assert (code, content(mixed)) == (1, before)
    commands = [line for line in said.splitlines() if line.startswith("     firmware-sim")]
    assert commands[0] == f"     firmware-sim utils ctl update CTLFile --dir {mixed}"
    long = [line for line in said.splitlines() if len(line) > 80 and "firmware-sim" not in line]
    assert long == []
    code, said = typed(mixed, "check", *phones, "--json")
    told = json.loads(said)
    assert (code, told["in_step"]) == (1, False)
    assert {"kind", "place", "note", "text"} <= told["findings"][0].keys()
    assert told["steps"][0]["command"].startswith("firmware-sim utils ctl update")
    assert len(told["certificates"]) == 6


def test_every_kind_has_its_words() -> None:
    table = wording._table()
    assert set(table["finding"]) == {kind.value for kind in FindingKind}
    assert set(table["step"]) == {kind.value for kind in StepKind}
    for entries in table.values():
        assert all(entry["source"] for entry in entries.values())
    assert wording.command_of_step(Step(StepKind.RENEW, "n", "TVS"), "d") == (
        "firmware-sim set cert regen TVS --dir d --node n"
    )


def test_every_model_can_be_asked(mixed: Path) -> None:
    catalogue = model_catalogue()
    models = [catalogue.find(name) for name in catalogue.names()]
    renew(mixed, Unit.CALLMANAGER)
    report = make_report(site_of(mixed), [], models)
    locked = {value(one, "phone") for one in report.findings if one.kind is FindingKind.WOULD_LOCK}
    assert locked == {"a 7940", "a 7960"}
