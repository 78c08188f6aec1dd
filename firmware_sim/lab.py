"""A lab's directory: what keeps a cluster, its certificates above all, from one run to the next.

    DIR/cluster.toml      the state (`firmware_sim.cluster.tables`)
    DIR/keys/ROLE.pem     private key and certificate of one role together; mode 0600
    DIR/common/NAME       soft keys, dial rules, tones, ring lists, firmware: put there by hand
                          or by `firmware-sim firmware`, served plain and signed
    DIR/keys/firmware.pem what `firmware-sim firmware` signs with, if it was used
    DIR/keys/manufacturing.pem   the stand-in manufacturer that signs MICs
    DIR/capf.sqlite       what CAPF is to do and has done, authentication strings among it; 0600
    DIR/troubleshoot/DEVICE-LSC.pem, DEVICE-MIC.pem   what phones have shown to CAPF
    DIR/tftp/NAME         every file as the publisher served it when the lab started: to look at,
                          never read back

Each file is replaced as a whole: written beside, brought to the disk, renamed. The keys come
first and `cluster.toml` after them, so that a state never names a key that is not there.
A lab of phones can be changed by editing `cluster.toml` while it is not running.
"""

import fcntl
import os
import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from random import Random, SystemRandom

import tomli_w
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from firmware_sim.capf import CAPFStore, make_manufacturer
from firmware_sim.cluster.credentials import (
    CertificateMaker,
    Credential,
    Subject,
    credential_of,
)
from firmware_sim.cluster.files import DEFAULT_CONFIGURATION, ClusterFiles
from firmware_sim.cluster.firmware import firmware_files
from firmware_sim.cluster.keys import KeySource
from firmware_sim.cluster.lists import CTL_FILE, ITL_FILE
from firmware_sim.cluster.state import Cluster
from firmware_sim.cluster.tables import cluster_to_table, credentials_by_role, table_to_cluster
from firmware_sim.cluster.tokens import SoftToken, token_of
from secd.capf import CertificateType, Identity
from secd.certs import load_certificate_untrusted
from secd.errors import MalformedFile, UnusableInput
from secd.files.identity import identity_to_pem

STATE_FILE = "cluster.toml"
KEYS_FOLDER = "keys"
TFTP_FOLDER = "tftp"
COMMON_FOLDER = "common"
TROUBLESHOOT_FOLDER = "troubleshoot"
CAPF_FILE = "capf.sqlite"
_FIRMWARE_ROLE = "firmware"
_MANUFACTURING_ROLE = "manufacturing"
_FIRMWARE_SUBJECT = Subject("stand-in for the firmware key", "lab", "secd", "lab", "lab", "NZ")
_SECRET = 0o600
_PUBLIC = 0o644
_SUFFIXES = (".cnf.xml", ".cnf.xml.sgn", ".cnf.xml.enc.sgn")


def is_lab(directory: Path) -> bool:
    """Tell whether a lab was written into a directory before."""
    return (directory / STATE_FILE).exists()


def refuse_foreign(directory: Path) -> None:
    """Refuse a directory that no lab was written into and that is not empty.

    Keys and common files may be there: the former of a first run that was cut short, the latter
    put there by hand. Raises UnusableInput.
    """
    try:
        names = {path.name for path in directory.iterdir()} if directory.exists() else set()
    except OSError as error:
        raise UnusableInput(f"{directory}: {error.strerror}") from None
    foreign = sorted(names - {KEYS_FOLDER, COMMON_FOLDER})
    if foreign:
        raise UnusableInput(
            f"{directory} holds {foreign[0]!r} and no {STATE_FILE}: it is not a lab's; "
            "name an empty or new directory"
        )


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold a lab's directory, which is made if need be, so that no second lab writes into it.

    Raises UnusableInput when another process holds it or it cannot be used.
    """
    _make_folder(directory, 0o755)
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"{directory}: another lab is running there; name another --dir"
            raise UnusableInput(message) from None
        yield
    finally:
        os.close(descriptor)


def write_lab(cluster: Cluster, directory: Path) -> None:
    """Write a cluster and the files that it serves; raises as `write_state` and `write_files`."""
    write_state(cluster, directory)
    write_files(ClusterFiles(cluster), directory / TFTP_FOLDER)


def write_state(cluster: Cluster, directory: Path) -> None:
    """Write a cluster into a directory, which is made if need be.

    Raises UnusableInput when the directory cannot be written, MalformedFile for certificates that
    are none (fillers).
    """
    _make_folder(directory, 0o755)
    _make_folder(directory / KEYS_FOLDER, 0o700)
    for name, octets in state_files(cluster).items():
        _replace(directory / name, octets, _PUBLIC if name == STATE_FILE else _SECRET)


def state_files(cluster: Cluster) -> dict[str, bytes]:
    """Return the files of a cluster's state by their names below its directory, keys first.

    Raises MalformedFile for certificates that are none (fillers).
    """
    files = {
        f"{KEYS_FOLDER}/{role}.pem": pem_of(credential)
        for role, credential in credentials_by_role(cluster).items()
    }
    state = tomli_w.dumps(cluster_to_table(cluster), multiline_strings=True)
    return files | {STATE_FILE: state.encode()}


def write_files(files: ClusterFiles, folder: Path) -> None:
    """Write every file that is served now, and remove those that it no longer does.

    Raises UnusableInput when the folder cannot be written, UnsupportedKey as `ClusterFiles` does.
    """
    _make_folder(folder, 0o755)
    devices = (device + suffix for device in files.cluster.devices for suffix in _SUFFIXES)
    for name in (CTL_FILE, ITL_FILE, DEFAULT_CONFIGURATION, *devices):
        octets = files.answer("lab", name)
        if isinstance(octets, bytes):
            _replace(folder / name, octets, _PUBLIC)
        else:
            (folder / name).unlink(missing_ok=True)


def read_lab(directory: Path, random: Random) -> Cluster:
    """Return the cluster that `write_lab` wrote.

    Raises UnusableInput, which names the file and what is wrong with it.
    """
    path = directory / STATE_FILE
    try:
        table: dict[str, object] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnusableInput(f"{path}: {error.strerror}") from None
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError
        raise UnusableInput(f"{path}: {error}") from None
    keys = directory / KEYS_FOLDER
    try:
        cluster = table_to_cluster(
            table,
            random,
            lambda role: credential_of(*_read_pem(keys, role)),
            lambda role, name: _read_token(keys, role, name),
        )
    except (UnusableInput, MalformedFile) as error:
        raise UnusableInput(f"{directory}: {error}") from None
    cluster.common_files = _read_common(directory / COMMON_FOLDER)
    return cluster


def write_firmware(directory: Path, load: str, keys: KeySource, now_seconds: int) -> Path:
    """Put the files of a stand-in load among a lab's common ones; return the path of the key.

    The key is made at the first load and stays. Raises UnusableInput.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,49}", load):
        raise UnusableInput(f"{load!r} is no name of a load; one is like SCCP41.9-3-1SR4-1S")
    folder, path = directory / COMMON_FOLDER, directory / KEYS_FOLDER / f"{_FIRMWARE_ROLE}.pem"
    _make_folder(directory, 0o755)
    _make_folder(directory / KEYS_FOLDER, 0o700)
    _make_folder(folder, 0o755)
    if not path.exists():
        maker = CertificateMaker(keys, SystemRandom(), now_seconds)
        made = maker.self_signed(_FIRMWARE_SUBJECT)
        _replace(path, pem_of(made), _SECRET)
    _, key = _read_pem(directory / KEYS_FOLDER, _FIRMWARE_ROLE)
    for name, octets in firmware_files(load, key).items():
        _replace(folder / name, octets, _PUBLIC)
    return path


def capf_store(directory: Path) -> CAPFStore:
    """Open what CAPF of a lab knows of its devices. Raises UnusableInput."""
    return CAPFStore(directory / CAPF_FILE)


def manufacturer(directory: Path, keys: KeySource, now_seconds: int) -> Credential:
    """Return the stand-in manufacturer of a lab, made when first wanted. Raises UnusableInput."""
    path = directory / KEYS_FOLDER / f"{_MANUFACTURING_ROLE}.pem"
    if not path.exists():
        _make_folder(directory / KEYS_FOLDER, 0o700)
        made = make_manufacturer(keys, SystemRandom(), now_seconds)
        _replace(path, pem_of(made), _SECRET)
    return credential_of(*_read_pem(directory / KEYS_FOLDER, _MANUFACTURING_ROLE))


def write_identity(path: Path, identity: Identity) -> None:
    """Write certificate and private key, readable by their owner. Raises UnusableInput."""
    write_secret(path, identity_to_pem(identity))


def write_secret(path: Path, octets: bytes) -> None:
    """Write a file, as a whole, that only its owner can read. Raises UnusableInput."""
    _replace(path, octets, _SECRET)


def keep_shown(directory: Path, device: str, kind: CertificateType, certificate: bytes) -> None:
    """Write a certificate that a phone has shown (DER, whatever it is) as PEM.

    CUCM writes such a file for each too. Raises UnusableInput, also for what is no certificate.
    """
    folder = directory / TROUBLESHOOT_FOLDER
    try:
        pem = load_certificate_untrusted(certificate).public_bytes(Encoding.PEM)
    except MalformedFile as error:
        raise UnusableInput(f"the {kind.name} that {device} shows: {error}") from None
    _make_folder(folder, 0o755)
    _replace(folder / f"{device}-{kind.name}.pem", pem, _PUBLIC)


def _read_common(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder and the folders in it, by their names below it."""
    try:
        paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    except OSError as error:
        raise UnusableInput(f"{folder}: {error.strerror}") from None


def _read_token(keys: Path, role: str, name: str) -> SoftToken:
    return token_of(name, *_read_pem(keys, role))


def _read_pem(keys: Path, role: str) -> tuple[bytes, rsa.RSAPrivateKey]:
    return read_pem(keys / f"{role}.pem")


def read_pem(path: Path) -> tuple[bytes, rsa.RSAPrivateKey]:
    """Return the certificate (DER) and the key in a file. Raises UnusableInput."""
    try:
        der, key, certificate_key = _parse_pem(path.read_bytes())
    except OSError as error:
        raise UnusableInput(f"{path}: {error.strerror}") from None
    except (ValueError, TypeError, MalformedFile):
        raise UnusableInput(f"{path}: is not a private key and a certificate (PEM)") from None
    if not isinstance(key, rsa.RSAPrivateKey) or key.public_key() != certificate_key:
        raise UnusableInput(f"{path}: the key is not RSA or not the certificate's")
    return der, key


@lru_cache(maxsize=128)
def _parse_pem(octets: bytes) -> tuple[bytes, PrivateKeyTypes, PublicKeyTypes]:
    """Return certificate, its key, the certificate's key.

    To load a key is to check it, which takes 10 ms and more; a cluster is read again whenever
    one of its files changes. Raises what the library does, and MalformedFile.
    """
    key = load_pem_private_key(octets, None)
    der = x509.load_pem_x509_certificate(octets).public_bytes(Encoding.DER)
    return der, key, load_certificate_untrusted(der).public_key()


def pem_of(credential: Credential) -> bytes:
    """Return key and certificate as a file holds them. Raises MalformedFile."""
    key = credential.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return key + load_certificate_untrusted(credential.certificate).public_bytes(Encoding.PEM)


def _make_folder(folder: Path, mode: int) -> None:
    try:
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
    except OSError as error:
        raise UnusableInput(f"{folder}: cannot be made: {error.strerror}") from None


def _replace(path: Path, octets: bytes, mode: int) -> None:
    """Replace a file as a whole, durably.

    Raises UnusableInput; then the old one is still there, and nothing beside it.
    """
    beside = path.with_name(path.name + ".new")
    try:
        beside.unlink(missing_ok=True)  # of a run that was cut short, perhaps with another mode
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(descriptor)
        beside.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise UnusableInput(f"{path}: cannot be written: {error.strerror}") from None
