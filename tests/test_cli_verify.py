"""`secd verify` and `secd show`, as people and scripts use them; vectors made by others."""

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from firmware_sim.cli import commands as firmware_sim
from secd.cli import commands
from secd.errors import UnusableInput

VECTORS = Path(__file__).parent / "vectors"
ITL = str(VECTORS / "ITL-sha1.tlv")
CTL = str(VECTORS / "CTL-sast2-signs.tlv")
OUTSIDER = str(VECTORS / "CTL-outsider.tlv")
SIGNED = str(VECTORS / "sha1" / "SEP0011215A1AE3.cnf.xml.sgn")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(commands, arguments)


def test_a_first_list_is_checked_against_itself() -> None:
    result = run("verify", CTL)
    assert result.exit_code == 0
    assert "ACCEPTED by an 8861" in result.output
    assert "FIRST_LIST" in result.output


def test_an_update_by_the_other_token_is_accepted() -> None:
    result = run("verify", CTL, "--itl", ITL, "--model", "7961")
    assert result.exit_code == 0
    assert "IN_ITL" in result.output


def test_the_same_list_is_unchanged() -> None:
    result = run("verify", ITL, "--itl", ITL)
    assert result.exit_code == 0
    assert "UNCHANGED" in result.output


def test_a_refusal_shows_signer_holdings_and_cure() -> None:
    result = run("verify", OUTSIDER, "--ctl", CTL, "--model", "7940")
    assert result.exit_code == 1
    assert "REFUSED by a 7940" in result.output
    assert "signed by   4E3910318B44A6EF2CAE001A0DB4391B  OUTSIDER" in result.output
    assert "CTL  SAST        46E1CF713630D9900EAE82FCCEBBBEFB  SAST-2" in result.output
    assert "What to do: " in result.output
    assert max(len(line) for line in result.output.splitlines()[1:]) <= 80


def test_undecided_is_exit_4() -> None:
    result = run("verify", OUTSIDER, "--ctl", CTL, "--itl", ITL, "--model", "7961")
    assert result.exit_code == 4
    assert "UNDECIDED" in result.output


def test_a_signed_configuration() -> None:
    assert run("verify", SIGNED, "--itl", ITL).exit_code == 0
    ccm_only = str(VECTORS / "ITL-sha512-v1.1-ec.tlv")
    result = run("verify", SIGNED, "--itl", ccm_only)
    assert result.exit_code == 4  # signed by a CCM that is no TFTP: unknown, so TVS is asked


def test_of_an_encrypted_file_only_the_signer_is_judged() -> None:
    encrypted = str(VECTORS / "enc-sha1" / "SEP0011215A1AE3.cnf.xml.enc.sgn")
    result = run("verify", encrypted, "--itl", ITL, "--model", "7965")
    assert result.exit_code == 4
    assert "the signer is trusted" in result.output
    assert run("verify", encrypted, "--model", "7940").exit_code == 1  # nobody knows the signer


def test_the_address_rule_of_old_phones() -> None:
    result = run("verify", CTL, "--ctl", CTL, "--model", "7940", "--tftp-address", "10.1.1.1")
    assert result.exit_code == 1
    assert "SERVER_NOT_IN_CTL" in result.output


def test_malformed_is_exit_2(tmp_path: Path) -> None:
    broken = tmp_path / "CTLFile.tlv"
    broken.write_bytes(Path(CTL).read_bytes()[:-1])
    result = run("verify", str(broken))
    assert result.exit_code == 2
    assert "MALFORMED" in result.output


def test_json(tmp_path: Path) -> None:
    result = run("verify", OUTSIDER, "--ctl", CTL, "--model", "7940", "--json")
    answer = json.loads(result.output)
    assert answer["decision"] == "refused"
    assert answer["reason"] == "SIGNER_UNKNOWN"
    assert answer["signer"]["serial"] == "4E3910318B44A6EF2CAE001A0DB4391B"
    assert answer["kind"] == "CTL"


def test_the_name_asked_for_tells_the_kind(tmp_path: Path) -> None:
    renamed = tmp_path / "received.bin"
    renamed.write_bytes(Path(ITL).read_bytes())
    with pytest.raises(UnusableInput, match="--name"):
        run_raising("verify", str(renamed))
    assert run("verify", str(renamed), "--name", "ITLSEP0011215A1AE3.tlv").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("verify", "no-such-file.tlv"), "no-such-file.tlv"),
        (("verify", CTL, "--model", "1234"), "1234"),
        (("verify", CTL, "--ctl", SIGNED), "not a trust list"),
        (("show", SIGNED), "not a trust list"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_exit_2(arguments: tuple[str, ...], said: str) -> None:
    process = subprocess.run(
        [sys.executable, "-c", "from secd.cli import main; main()", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 2
    assert process.stdout == ""
    assert len(process.stderr.splitlines()) == 1
    assert said in process.stderr


def test_reading_files_starts_no_trio() -> None:
    program = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from secd.cli import commands\n"
        f"assert CliRunner().invoke(commands, ['verify', {CTL!r}]).exit_code == 0\n"
        f"assert CliRunner().invoke(commands, ['show', {CTL!r}]).exit_code == 0\n"
        "sys.exit('trio' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_show_lists_and_verifies(tmp_path: Path) -> None:
    result = run("show", CTL)
    assert result.exit_code == 0
    assert result.output.endswith("The CTL file was verified successfully.\n")
    assert "Parse CTL File" in result.output
    changed = bytearray(Path(CTL).read_bytes())
    changed[-1] ^= 1
    broken = tmp_path / "renamed"
    broken.write_bytes(changed)
    result = run("show", str(broken))  # its kind stands in the header
    assert result.exit_code == 1
    assert result.output.endswith("Verification of the CTL File Failed\n")


def test_each_help_fits_a_screen_and_has_an_example() -> None:
    for command in ("verify", "show", "boot"):
        lines = run(command, "--help").output.splitlines()
        assert len(lines) <= 40
        assert max(len(line) for line in lines) <= 80
        assert any(line.strip().startswith(f"secd {command} ") for line in lines)


def run_raising(*arguments: str) -> None:
    CliRunner().invoke(commands, arguments, catch_exceptions=False)


LOADS = "SCCP41.9-3-1SR4-1S.loads"


def firmware_lab(directory: Path) -> tuple[str, str]:
    """Return the file list of a stand-in load and the file of its key."""
    made = CliRunner().invoke(firmware_sim, ["firmware", LOADS[:-6], "--dir", str(directory)])
    assert made.exit_code == 0, made.output
    return str(directory / "common" / LOADS), str(directory / "keys" / "firmware.pem")


def test_firmware_is_undecided_without_its_key_and_shows_what_it_names(tmp_path: Path) -> None:
    loads, _ = firmware_lab(tmp_path)
    result = run("verify", loads)
    assert result.exit_code == 4
    assert "UNDECIDED" in result.output
    assert "  names       apps.SCCP41.9-3-1SR4-1S.sbn\n" in result.output
    assert "the phone holds" not in result.output
    parsed = json.loads(run("verify", loads, "--json").output)
    assert (parsed["kind"], len(parsed["components"])) == ("firmware", 3)


def test_firmware_is_judged_by_the_key_that_is_given(tmp_path: Path) -> None:
    loads, key = firmware_lab(tmp_path)
    certificate = x509.load_pem_x509_certificate(Path(key).read_bytes())
    public = certificate.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "public.pem").write_bytes(public)
    (tmp_path / "key.der").write_bytes(certificate.public_bytes(Encoding.DER))
    for given in (key, str(tmp_path / "public.pem"), str(tmp_path / "key.der")):
        result = run("verify", loads, "--firmware-key", given)
        assert (result.exit_code, "FIRMWARE_KEY" in result.output) == (0, True)
    other = run("verify", loads, "--firmware-key", str(VECTORS / "certs" / "ccm.pem"))
    assert (other.exit_code, "FIRMWARE_SIGNATURE_INVALID" in other.output) == (1, True)
    assert max(len(line) for line in other.output.splitlines()[1:]) <= 80


@pytest.mark.parametrize("octets", [b"", b"-----BEGIN PUBLIC KEY-----\nx", b"\x30\x00"])
def test_what_is_no_key_of_firmware_is_one_line(tmp_path: Path, octets: bytes) -> None:
    (tmp_path / "key").write_bytes(octets)
    with pytest.raises(UnusableInput, match="key"):
        CliRunner().invoke(
            commands,
            ["verify", ITL, "--firmware-key", str(tmp_path / "key")],
            catch_exceptions=False,
        )


def test_a_public_key_that_is_not_rsa_is_one_line(tmp_path: Path) -> None:
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key").write_bytes(pem)
    result = run("verify", ITL, "--firmware-key", str(tmp_path / "key"))
    assert isinstance(result.exception, UnusableInput)
    assert "not RSA" in str(result.exception)


@pytest.mark.parametrize("load", ["", "../x", "a b", "x" * 51])
def test_the_lab_makes_no_load_of_an_impossible_name(tmp_path: Path, load: str) -> None:
    made = CliRunner().invoke(firmware_sim, ["firmware", load, "--dir", str(tmp_path)])
    assert isinstance(made.exception, UnusableInput)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("group", "arguments"),
    [
        (commands, ["boot", "SEP0011215A1AE3", "--model", "7961", "--tftp", "x", "--state", ""]),
        (firmware_sim, ["lab", "--dir", ""]),
        (firmware_sim, ["firmware", LOADS[:-6], "--dir", ""]),
    ],
)
def test_an_empty_name_is_no_directory(group: click.Group, arguments: list[str]) -> None:
    """It is what an unset variable leaves; Path would take it for the current directory."""
    result = CliRunner().invoke(group, arguments)
    assert result.exit_code == 2
    assert "an empty name is no directory" in result.output
