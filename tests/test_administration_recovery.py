"""Resets of lists, trust stores, the rollback parameter, names and addresses, the TFTP folder."""

import re
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
    list_of,
    new_cluster,
    typed,
)
from administration_site import site as site  # a fixture
from checking_site import (
    boot,
    is_locked,
    new_phone,
    renew,
    report_of,
    restart_everywhere,
)

from firmware_sim.administration.checking import FindingKind
from firmware_sim.administration.commands import (
    Service,
    Unit,
    import_trust,
    prepare_rollback,
    regenerate,
    restart,
    set_mixed_mode,
)
from firmware_sim.administration.directory import create, drafting, read_cluster, read_list
from firmware_sim.administration.network import set_address, set_hostname
from firmware_sim.administration.recovery import (
    export_recovery_key,
    read_recovery_key,
    recovery_signer,
    reset_ctl,
    reset_itl,
)
from firmware_sim.administration.running import read_tvs_directory
from firmware_sim.administration.serving import CurrentTVS, ServedNode
from firmware_sim.cluster import (
    CTL_FILE,
    ITL_FILE,
    CertificateMaker,
    Cluster,
    ManufacturingCA,
    Release,
    TrustedCertificate,
    TrustStore,
    credential_of,
)
from firmware_sim.lab import pem_of
from secd.errors import UnusableInput
from secd.trust import verifies_itself
from secd.tvs import DENIAL, FOUND, VerifyCertificate


def served_signers(root: Path) -> list[bytes]:
    nodes = read_cluster(root).nodes
    return [list_of(read_list(root, node, ITL_FILE)).header.signer.serial for node in nodes]


@pytest.mark.parametrize(("release", "key"), [(BEFORE_12, "recovery"), (FROM_12, "callmanager")])
def test_a_reset_itl_has_the_other_signer_until_tftp_restarts(
    tmp_path: Path, release: Release, key: str
) -> None:
    root = tmp_path / "site"
    create(root, new_cluster(release=release))
    before = served_signers(root)
    node = ServedNode(root, "cucm-1", lambda device: device)
    records = list_of(node.answer("x", ITL_FILE)).records
    with drafting(root) as draft:
        cluster = draft.cluster
        reset_itl(draft, recovery_signer(cluster), NOW)
    keys = {"recovery": cluster.itl_recovery, "callmanager": cluster.publisher.callmanager}
    assert served_signers(root) == [keys[key].serial] * 2
    served = list_of(node.answer("x", f"ITL{DEVICE}.tlv"))  # at once, without any restart
    assert verifies_itself(served)
    assert served.header.signer.serial == keys[key].serial
    first = list_of(read_list(root, cluster.publisher, ITL_FILE))
    assert {r.certificate for r in first.records} >= {r.certificate for r in records[2:]}
    restart_everywhere(root, Service.TFTP)
    assert served_signers(root) == before


def test_before_10_there_is_no_reset(tmp_path: Path) -> None:
    create(tmp_path / "site", new_cluster(release=Release(9, 1, 2)))
    before = content(tmp_path / "site")
    code, _ = typed(tmp_path / "site", "utils", "itl", "reset", "localkey", answer="y\n")
    assert (code, content(tmp_path / "site")) == (1, before)
    with pytest.raises(UnusableInput, match=r"release 9\.1\(2\) has no ITLRecovery key"):
        recovery_signer(read_cluster(tmp_path / "site"))


def test_a_remote_key_helps_phones_that_hold_it(site: Path, tmp_path: Path) -> None:
    """ITLRecovery is renewed with everything else; its backup is what phones still know."""
    phone = new_phone(site)
    exported = export_recovery_key(read_cluster(site), "secret")
    renew(site, Unit.CALLMANAGER, Unit.TVS, Unit.ITL_RECOVERY)
    renew(site, Unit.TVS, node="cucm-1")
    restart_everywhere(site, Service.TFTP, Service.TVS)
    assert is_locked(site, phone)
    signer = read_recovery_key(tmp_path, exported, "secret")
    with drafting(site) as draft:
        reset_itl(draft, signer, NOW)
    assert verifies_itself(list_of(read_list(site, read_cluster(site).publisher, ITL_FILE)))
    assert not is_locked(site, phone)
    phone = boot(site, phone)
    restart_everywhere(site, Service.TFTP)
    assert not is_locked(site, phone)


@pytest.mark.parametrize("octets", [b"", b"rubbish", b"0\x82\x00"])
def test_what_is_no_recovery_key(octets: bytes) -> None:
    with pytest.raises(UnusableInput, match="no PKCS#12 file, or the password is wrong"):
        read_recovery_key(Path("k.p12"), octets, "x")


def test_a_wrong_password_and_an_empty_one(site: Path) -> None:
    exported = export_recovery_key(read_cluster(site), "secret")
    with pytest.raises(UnusableInput, match="password is wrong") as caught:
        read_recovery_key(Path("k.p12"), exported, "geheim")
    assert "geheim" not in str(caught.value)
    with pytest.raises(UnusableInput, match="protects nothing"):
        export_recovery_key(read_cluster(site), "")


def test_a_reset_ctl_is_signed_by_callmanager(tmp_path: Path) -> None:
    root = tmp_path / "site"
    create(root, new_cluster(release=FROM_12))
    with pytest.raises(UnusableInput, match="there is no CTL"), drafting(root) as draft:
        reset_ctl(draft, NOW)
    with drafting(root) as draft:
        set_mixed_mode(draft, NOW)
    with drafting(root) as draft:
        reset_ctl(draft, NOW)
    cluster = read_cluster(root)
    for node in cluster.nodes:
        ctl = list_of(read_list(root, node, CTL_FILE))
        assert ctl.header.signer.serial == cluster.publisher.callmanager.serial
        assert verifies_itself(ctl)
        assert ctl.header.file_name == CTL_FILE.encode()


def test_before_12_a_ctl_needs_no_reset(site: Path) -> None:
    with pytest.raises(UnusableInput, match="use utils ctl update"), drafting(site) as draft:
        reset_ctl(draft, NOW)


def foreign() -> Cluster:
    return new_cluster(1, made_at=1_450_000_000)


@pytest.mark.parametrize(
    ("store", "functions"), [("Phone-SAST-trust", {0}), ("CallManager-trust", {3})]
)
def test_tvs_vouches_for_what_is_uploaded(site: Path, store: str, functions: set[int]) -> None:
    certificate = foreign().publisher.callmanager.certificate
    tvs = CurrentTVS(site, "cucm-1")
    question = VerifyCertificate(certificate)
    assert tvs.answer(question) == DENIAL
    for _ in range(2):  # the second time it is there already
        with drafting(site) as draft:
            import_trust(draft, TrustStore(store), certificate)
    assert tvs.answer(question).functions == functions
    assert read_cluster(site).trusted == [TrustedCertificate(TrustStore(store), certificate)]
    with pytest.raises(UnusableInput, match="cannot be used"), drafting(site) as draft:
        import_trust(draft, TrustStore(store), b"rubbish")


def test_tvs_looks_into_the_ctl_of_its_node(site: Path) -> None:
    """118893: a CTL that tokens signed, whose certificates nobody uploaded."""
    with drafting(site) as draft:
        set_mixed_mode(draft, NOW)
    old = read_cluster(site).publisher.callmanager.certificate
    renew(site, Unit.CALLMANAGER)
    question = VerifyCertificate(old)
    assert read_tvs_directory(site, "cucm-1").answer(question).functions == {0, 2}
    (site / "nodes/cucm-1/CTLFile.tlv").write_bytes(b"rubbish")
    assert read_tvs_directory(site, "cucm-1").answer(question) == DENIAL
    assert read_tvs_directory(site, "cucm-0").answer(question).status == FOUND


def test_rollback_counts_when_tftp_restarts(site: Path) -> None:
    """Operation 14: the empty ITL, then any ITL."""
    phone = new_phone(site)
    with drafting(site) as draft:
        prepare_rollback(draft, True)
    assert FindingKind.TFTP_OLD in {one.kind for one in report_of(site).findings}
    restart_everywhere(site, Service.TVS, Service.TFTP)
    phone = boot(site, phone)
    assert phone.installed.itl_is_empty(phone.model.switches)
    renew(site, Unit.CALLMANAGER, Unit.TVS, Unit.ITL_RECOVERY)
    with drafting(site) as draft:
        prepare_rollback(draft, False)
    restart_everywhere(site, Service.TVS, Service.TFTP)
    assert not is_locked(site, phone)


def test_a_single_server_changes_its_name_after_rollback_only(tmp_path: Path) -> None:
    """Operation 8."""
    for prepared in (True, False):
        root = tmp_path / f"{prepared}"
        create(root, new_cluster(1))
        phone = new_phone(root)
        with drafting(root) as draft:
            prepare_rollback(draft, prepared)
        restart_everywhere(root, Service.TFTP)
        phone = boot(root, phone)
        with drafting(root) as draft:
            set_hostname(draft, draft.node(None), "other", KEYS, NOW)
            prepare_rollback(draft, False)
        restart_everywhere(root, Service.TFTP)
        assert is_locked(root, phone) is not prepared


def test_one_of_two_servers_changes_its_name(site: Path) -> None:
    """Operation 9: the phone asks the other TVS; the node's folder has the new name."""
    phone = new_phone(site)
    tvs = CurrentTVS(site, "cucm-1")
    shown = tvs.identity()
    with drafting(site) as draft:
        set_hostname(draft, draft.node("cucm-1"), "cucm-two", KEYS, NOW)
    assert sorted(path.name for path in (site / "nodes").iterdir()) == ["cucm-0", "cucm-two"]
    assert tvs.identity() == shown  # a lab that runs goes on as it was
    cluster = read_cluster(site)
    assert b"CN=cucm-two" in cluster.nodes[1].callmanager.subject
    assert b"CN=cucm-two" in cluster.nodes[1].tvs.subject
    assert list_of(read_list(site, cluster.nodes[1], ITL_FILE)).records[-2].dns_name == b"cucm-two"
    restart_everywhere(site, Service.TFTP)
    assert not is_locked(site, phone)
    assert report_of(site).in_step
    for name, complaint in [("cucm-0", "already"), ("../x", "no name"), ("", "no name")]:
        with pytest.raises(UnusableInput, match=complaint), drafting(site) as draft:
            set_hostname(draft, draft.node("cucm-two"), name, KEYS, NOW)


def test_the_publisher_gets_all_its_certificates_anew(site: Path) -> None:
    before = read_cluster(site)
    with drafting(site) as draft:
        set_hostname(draft, draft.node(None), "cucm-0", KEYS, NOW)  # the same name: as regen all
    after = read_cluster(site)
    assert before.capf.certificate != after.capf.certificate
    assert after.itl_recovery.subject.startswith(b"CN=ITLRECOVERY_cucm-0;")
    assert after.itl_recovery.certificate != before.itl_recovery.certificate
    kinds = {one.kind for one in report_of(site).findings}
    assert kinds == {FindingKind.TFTP_OLD}  # of the other node


def test_an_address_changes(site: Path) -> None:
    with drafting(site) as draft:
        set_mixed_mode(draft, NOW)
    restart_everywhere(site, Service.TFTP)
    old_7960 = new_phone(site, "7960")
    with drafting(site) as draft:
        set_address(draft, draft.node(None), "10.9.9.9", KEYS, NOW)
    assert read_cluster(site).publisher.name == "cucm-0"
    kinds = {one.kind for one in report_of(site).findings}
    assert {FindingKind.CTL_OLD_ADDRESS, FindingKind.CTL_OLD_CERTIFICATE} <= kinds
    report = report_of(site, old_7960)
    reasons = [dict(one.values).get("reason") for one in report.findings]
    assert "SERVER_NOT_IN_CTL" in reasons
    for address, complaint in [("10.0.0.1", "another node"), ("10.0.0", "no IP address")]:
        with pytest.raises(UnusableInput, match=complaint), drafting(site) as draft:
            set_address(draft, draft.node(None), address, KEYS, NOW)


def test_a_node_named_by_its_address_is_renamed_with_it(tmp_path: Path) -> None:
    cluster = new_cluster(1)
    cluster.publisher.name = cluster.publisher.address
    create(tmp_path, cluster)
    with drafting(tmp_path) as draft:
        set_address(draft, draft.node(None), "10.9.9.9", KEYS, NOW)
    assert read_cluster(tmp_path).publisher.name == "10.9.9.9"
    assert report_of(tmp_path).in_step


def test_the_tftp_folder(site: Path) -> None:
    assert typed(site, "file", "list", "tftp", "*.tlv")[1] == (
        "ITLFile.tlv\ndir count = 0, file count = 1\n"
    )
    typed(site, "utils", "ctl", "set-cluster", "mixed-mode", answer="y\n")
    restart_everywhere(site, Service.TFTP)
    code, said = typed(site, "file", "list", "tftp", "*.tlv", "detail", "--node", "cucm-1")
    line = r"\d\d [A-Z][a-z][a-z],\d{4} \d\d:\d\d:\d\d +\d,\d{3}  CTLFile\.tlv"
    assert code == 0
    assert re.fullmatch(line, said.splitlines()[0])
    delete = ("file", "delete", "tftp", "CTLFile.tlv")
    assert typed(site, *delete, answer="n\n")[0] == 1
    code, said = typed(site, *delete, answer="y\n")
    assert said.splitlines()[-1] == "files: found = 1, deleted = 1"
    node = ServedNode(site, "cucm-0", lambda device: device)
    assert isinstance(node.answer("x", CTL_FILE), bytes)  # until TFTP is restarted
    assert read_list(site, read_cluster(site).nodes[1], CTL_FILE) is not None
    said = typed(site, *delete, "noconfirm")[1]
    assert said == "files: found = 0, deleted = 0\n"
    with drafting(site) as draft:
        restart(draft, Service.TFTP, draft.node(None), NOW)
    assert not isinstance(node.answer("x", CTL_FILE), bytes)
    code, said = typed(site, "file", "delete", "tftp", "ITLFile.tlv", "noconfirm")
    assert code != 0


def test_the_commands_say_what_cucm_does(site: Path, tmp_path: Path) -> None:
    exported = tmp_path / "k.p12"
    get = ("file", "get", "tftp", "ITLRecovery.p12", str(exported))
    assert typed(site, *get, answer="pw\n")[0] == 0
    assert exported.stat().st_mode & 0o777 == 0o600
    assert typed(site, *get, answer="pw\n")[0] != 0  # it is there already
    code, said = typed(site, "utils", "itl", "reset", "localkey", answer="y\n")
    assert code == 0
    assert "Number of Active TFTP servers in the cluster : 2" in said
    assert "Successfully transferred reset ITL to node cucm-1" in said
    remote = ("utils", "itl", "reset", "remotekey", str(exported))
    assert typed(site, *remote, answer="pw\nn\n")[0] == 1
    assert typed(site, *remote, answer="pw\ny\n")[0] == 0
    pem = tmp_path / "foreign.pem"
    pem.write_bytes(pem_of(foreign().publisher.callmanager))
    said = typed(site, "set", "cert", "import", "trust", "phone-sast-trust", str(pem))[1]
    assert said.startswith("Successfully imported certificate for Phone-SAST-trust.")
    assert "Phone-SAST-trust" in typed(site, "show", "cert")[1]
    assert "True" in typed(site, "set", "cluster", "rollback", "true", answer="y\n")[1]
    assert typed(site, "set", "cluster", "rollback", "False", answer="y\n")[0] == 0
    rename = ("set", "network", "hostname", "new-name", "--node", "cucm-1")
    code, said = typed(site, *rename, answer="y\n")
    assert (code, "Security Warning" in said) == (0, True)
    code, said = typed(site, "set", "network", "ip", "eth0", "10.1.1.1", answer="n\n")
    assert (code, read_cluster(site).publisher.address) == (1, "10.0.0.0")


@pytest.mark.parametrize("answer", ["", "\n", "no\n", "yes, of course\n"])
def test_what_is_no_yes_changes_nothing(site: Path, answer: str) -> None:
    before = content(site)
    code, said = typed(site, "utils", "itl", "reset", "localkey", answer=answer)
    assert (code, said.splitlines()[-1]) == (1, "nothing has been changed")
    assert content(site) == before


def test_a_certificate_that_a_service_lost_comes_back_with_its_restart(site: Path) -> None:
    (site / "nodes/cucm-1/running/TVS.pem").write_bytes(b"rubbish")
    with pytest.raises(UnusableInput, match=r"TVS\.pem: .*; restart the service"):
        report_of(site)
    restart_everywhere(site, Service.TVS)
    assert report_of(site).in_step


def test_from_11_5_autoregistration_is_warned_of(tmp_path: Path) -> None:
    create(tmp_path, new_cluster(release=Release(11, 5, 1)))
    mixed = ("utils", "ctl", "set-cluster", "mixed-mode")
    said = typed(tmp_path, *mixed, answer="y\n")[1]
    assert "Auto-registration is enabled on at least one CM node." in said
    assert read_cluster(tmp_path).autoregistration
    assert "You must reset all phones" in said
    with drafting(tmp_path) as draft:
        draft.cluster.autoregistration = False
    assert "Auto-registration" not in typed(tmp_path, *mixed, answer="n\n")[1]


def test_a_certificate_that_is_none_of_cucms_cannot_be_renewed(site: Path) -> None:
    authority = ManufacturingCA.create(CertificateMaker(KEYS, Random(1), NOW, bits=1024))
    with drafting(site) as draft:
        draft.cluster.capf = credential_of(authority.certificate, authority.key)
    complaint = "lacks .* in its subject"
    with pytest.raises(UnusableInput, match=complaint), drafting(site) as draft:
        regenerate(draft, Unit.CAPF, draft.node(None), KEYS, NOW)
