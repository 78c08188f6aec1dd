"""The checklist for phones; reading, wording and the command itself."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from administration_site import (
    DEVICE,
    MADE_AT,
    NOW,
    content,
    subject,
    typed,
)
from administration_site import site as site  # a fixture
from checking_site import (
    MODELS,
    boot,
    found,
    kinds_of_steps,
    new_phone,
    renew,
    report_of,
    restart_everywhere,
    site_of,
    value,
)
from click.testing import CliRunner

import firmware_sim.administration.checking.wording as wording
from firmware_sim.administration.checking import (
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
    set_mixed_mode,
    set_non_secure_mode,
)
from firmware_sim.administration.directory import drafting
from firmware_sim.cli import commands
from firmware_sim.cluster import CertificateMaker, FreshKeys, SecurityMode
from firmware_sim.cluster.configuration import device_configuration
from secd.configuration import parse_configuration_untrusted
from secd.errors import UnusableInput
from secd.files.data import model_catalogue
from secd.files.flash import DirectoryFlash
from secd.files.store import PhoneStore
from secd.trust import Installed, Voucher, VoucherOutcome
from secd.trustlist import decode_trust_list_untrusted
from secd.words import FileKind


@pytest.fixture
def mixed(site: Path) -> Path:
    with drafting(site) as draft:
        set_mixed_mode(draft, NOW)
    restart_everywhere(site, Service.TFTP)
    return site


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


def test_a_7960_whose_ctl_lacks_the_address_is_told_of_though_it_is_served(mixed: Path) -> None:
    """The same CTL on both sides, and the phone asks no server at the new address."""
    phone = new_phone(mixed, "7960")
    with drafting(mixed) as draft:
        draft.cluster.nodes[0].address = "10.9.9.9"
    refusal = found(mixed, phone)[FindingKind.PHONE_REFUSES_LIST]
    assert value(refusal, "reason") == "SERVER_NOT_IN_CTL"
    assert FindingKind.CTL_OLD_ADDRESS in found(mixed)


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


def test_nothing_is_written_into_what_is_no_clusters_directory(tmp_path: Path) -> None:
    done = CliRunner().invoke(commands, ["check", "--dir", str(tmp_path)])
    assert "is no cluster directory" in str(done.exception)
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_no_header_can_express(site: Path) -> None:
    odd = CertificateMaker(FreshKeys(), Random(1), MADE_AT, bits=1536)
    with drafting(site) as draft:
        draft.cluster.publisher.callmanager = odd.self_signed(subject("cucm-0"))
    with pytest.raises(UnusableInput, match=r"ITL cannot be signed: .*1536 bits"):
        report_of(site)


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
