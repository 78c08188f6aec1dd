"""`firmware-sim capf`, in the directory of a lab: scheduling, strings that are not shown, MICs."""

import json
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner, Result

from firmware_sim.cli import commands
from firmware_sim.cluster import Device, PooledKeys, demo_cluster
from firmware_sim.lab import capf_store, keep_shown, manufacturer, write_lab
from secd.capf import (
    CertificateType,
    Curve,
    ECKind,
    Operation,
    RSAKind,
    kind_of_untrusted,
    public_octets,
)
from secd.certs import load_certificate_untrusted
from secd.configuration import CAPFMode
from secd.errors import UnusableInput
from secd.files.identity import load_identity_untrusted

FIRST, SECOND, OLD = "SEP0011215A1AE3", "SEP0011215A1AE4", "SEP000D28000002"
STRING = "90817263"


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    cluster = demo_cluster(PooledKeys(), Random(1))
    cluster.add_device(Device(SECOND, "8861", encrypted_configuration=True))
    cluster.add_device(Device(OLD, "7940"))
    folder = tmp_path / "lab"
    write_lab(cluster, folder)
    return folder


def run(lab: Path, *words: str, typed: str = "") -> Result:
    return CliRunner().invoke(commands, ["capf", *words, "--dir", str(lab)], input=typed)


def done(lab: Path, *words: str, typed: str = "") -> Result:
    result = run(lab, *words, typed=typed)
    assert result.exit_code == 0, result.output
    assert STRING not in result.output
    return result


def refused(lab: Path, *words: str, typed: str = "") -> str:
    result = run(lab, *words, typed=typed)
    assert isinstance(result.exception, UnusableInput), result.output
    assert STRING not in str(result.exception) + result.output
    return str(result.exception)


def stored(lab: Path, device: str = FIRST) -> tuple[Operation, CAPFMode, object, str]:
    store = capf_store(lab)
    record = store.get(device)
    store.close()
    assert record is not None
    return record.operation, record.authentication, record.key, record.string


def test_one_device_by_string(lab: Path) -> None:
    said = done(lab, "schedule", "install", FIRST.lower(), "--auth", "string", "--key", "ec-384")
    assert said.stdout.startswith(f"{FIRST}: install by string, ec-384, until 2")
    assert said.stderr == f"{FIRST}: no string is set: firmware-sim capf set-string\n"
    done(lab, "set-string", FIRST, typed=f"{STRING}\n")
    assert stored(lab) == (
        *(Operation.INSTALL, CAPFMode.AUTHENTICATION_STRING, ECKind(Curve.P384), STRING),
    )
    assert done(lab, "schedule", "install", FIRST, "--auth", "string").stderr == ""


def test_a_string_that_is_none_is_refused_and_not_shown(lab: Path) -> None:
    wrong = STRING * 2
    assert "has 4 to 10 digits" in refused(lab, "set-string", FIRST, typed=f"{wrong}\n")


def test_the_list(lab: Path) -> None:
    done(lab, "schedule", "delete", FIRST, "--until", "2031-12-31 18:00")
    done(lab, "schedule", "install", SECOND, "--auth", "mic", "--until", "2001-01-01 00:00")
    done(lab, "set-string", FIRST, typed=f"{STRING}\n")
    lines = done(lab, "list").stdout.splitlines()
    assert lines == [
        "device           operation     by      key       until             string",
        f"{FIRST}  delete        null    -         2031-12-31 18:00  set",
        f"{SECOND}  install       mic     rsa-2048  2001-01-01 00:00  -",
        "  expired",
        f"{OLD}  none          -       -         -                 -",
    ]
    assert max(map(len, lines)) < 80
    machine = json.loads(done(lab, "list", "--json").stdout)
    assert [one["device"] for one in machine] == [FIRST, SECOND, OLD]
    assert (machine[0]["string_is_set"], machine[0]["operation"]) == (True, "delete")
    assert (machine[1]["expired"], machine[2]["expires_at_seconds"]) == (True, None)


def test_many_devices_from_a_file(lab: Path, tmp_path: Path) -> None:
    file = tmp_path / "phones.csv"
    file.write_text(
        "device,operation,authentication,key,string,until\n"
        f"{FIRST},install,string,rsa-1024,{STRING},2031-12-31 18:00\n"
        f"{SECOND.lower()},install,,ec-256,,\n"
        f"{OLD},none,,,,\n"
    )
    said = done(lab, "import", str(file))
    assert said.stdout == "devices scheduled: 3\n"
    assert "its configuration is encrypted, which EC keys cannot be used for" in said.stderr
    assert stored(lab) == (
        *(Operation.INSTALL, CAPFMode.AUTHENTICATION_STRING, RSAKind(1024), STRING),
    )
    assert stored(lab, SECOND) == (
        *(Operation.INSTALL, CAPFMode.NULL_STRING, ECKind(Curve.P256), ""),
    )
    file.write_text(f"device,operation\n{FIRST},troubleshoot\n")
    done(lab, "import", str(file))
    assert stored(lab)[0] is Operation.FETCH


GOOD = f"{FIRST},delete,null"
BAD_FILES = [
    ("", "the first line names the columns"),
    ("device,authentication\n", "the first line names the columns"),
    ("device,operation,colour\n", "the first line names the columns"),
    ("device,operation\nSEP000000000009,install\n", "line 2: SEP000000000009: no such device"),
    (f"device,operation\n{FIRST}\n", "line 2: operation is '', not one of none, install"),
    (f"device,operation\n{FIRST},install,x\n", "line 2: more fields than columns"),
    (f"device,operation,key\n{GOOD}\n", "line 2: key is 'null', not one of rsa-1024"),
    (
        f"device,operation,authentication\n{GOOD}\n{FIRST},install,none\n",
        "line 3: SEP0011215A1AE3: operation install does not go with authentication none",
    ),
    (
        f"device,operation,string\n{FIRST},install,{STRING * 2}\n",
        "line 2: SEP0011215A1AE3: an authentication string has 4 to 10 digits",
    ),
    (f"device,operation,until\n{FIRST},install,soon\n", "line 2: 'soon' is no time"),
    (f'device,operation\n{FIRST},"inst\n', "unexpected end of data"),
    ("device,operation\n\udcff", "is no text in UTF-8"),
]


@pytest.mark.parametrize(("text", "complaint"), BAD_FILES)
def test_files_that_cannot_be_used_change_nothing(
    lab: Path, tmp_path: Path, text: str, complaint: str
) -> None:
    file = tmp_path / "phones.csv"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert complaint in refused(lab, "import", str(file))
    store = capf_store(lab)
    assert store.get(FIRST) is None
    store.close()


def test_what_is_not_there(lab: Path, tmp_path: Path) -> None:
    assert "no such device" in refused(lab, "schedule", "install", "SEP000000000009")
    assert "No such file" in refused(lab, "import", str(tmp_path / "none.csv"))
    assert "holds no lab" in refused(tmp_path / "none", "list")
    assert "is no time" in refused(lab, "schedule", "install", FIRST, "--until", "2031-13-01 00:00")


@pytest.mark.parametrize("key", ["rsa-1024", "ec-521"])
def test_a_mic_for_a_phone(lab: Path, tmp_path: Path, key: str) -> None:
    out = tmp_path / "mic.pem"
    out.write_bytes(b"an old one")
    said = done(lab, "mic", SECOND, "--out", str(out), "--key", key)
    assert f"MIC of CP-8861-{SECOND}" in said.output
    assert out.stat().st_mode & 0o777 == 0o600
    made = load_identity_untrusted(out.read_bytes(), "mic.pem")
    kind = kind_of_untrusted(public_octets(made.key))
    assert kind == (RSAKind(1024) if key == "rsa-1024" else ECKind(Curve.P521))
    maker = manufacturer(lab, PooledKeys(), 0).certificate
    certificate = load_certificate_untrusted(made.certificate)
    certificate.verify_directly_issued_by(load_certificate_untrusted(maker))
    store = capf_store(lab)
    record = store.get(SECOND)
    store.close()
    assert record is not None
    assert record.mic == made.certificate
    assert (lab / "keys" / "manufacturing.pem").stat().st_mode & 0o777 == 0o600


def test_phones_without_mic(lab: Path, tmp_path: Path) -> None:
    said = refused(lab, "mic", OLD, "--out", str(tmp_path / "mic.pem"))
    assert said == f"{OLD} is a 7940: 7940 and 7960 have no MIC"
    assert not (tmp_path / "mic.pem").exists()


def test_what_a_phone_showed_is_kept(lab: Path) -> None:
    certificate = manufacturer(lab, PooledKeys(), 0).certificate
    keep_shown(lab, FIRST, CertificateType.LSC, certificate)
    pem = (lab / "troubleshoot" / f"{FIRST}-LSC.pem").read_text()
    assert pem.startswith("-----BEGIN CERTIFICATE-----")
    with pytest.raises(UnusableInput, match=f"the MIC that {FIRST} shows: the certificate cannot"):
        keep_shown(lab, FIRST, CertificateType.MIC, b"nothing")


def test_no_string_is_one_line_and_no_traceback(lab: Path) -> None:
    assert "none was given" in refused(lab, "set-string", FIRST, typed="")
