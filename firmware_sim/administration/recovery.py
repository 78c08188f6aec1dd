"""Trust that was lost: lists signed by the other of the two keys that phones hold as SAST.

    release            who signs ITL and tokenless CTL    who signs after a reset
    10.0 to 11.5       CallManager                        ITLRecovery (117598)
    from 12.0          ITLRecovery                        CallManager of the publisher
                                                          (security guide, Perform Bulk Reset)

A reset ITL is transferred to all nodes and served at once; TFTP makes the usual one again when it
is restarted. A reset CTL is served after that restart as any other, and `utils ctl update` rolls
it back.
"""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import (
    load_key_and_certificates,
    serialize_key_and_certificates,
)

from firmware_sim.administration.commands import write_ctl, write_new_ctl
from firmware_sim.administration.directory import Draft, read_list
from firmware_sim.cluster import ITL_FILE, Cluster, Credential, credential_of, resigned
from firmware_sim.cluster.state import ITL_RECOVERY_LISTED, ITL_RECOVERY_SIGNS
from secd.certs import load_certificate_untrusted
from secd.errors import MalformedFile, UnsupportedKey, UnusableInput
from secd.trustlist import decode_trust_list_untrusted


def recovery_signer(cluster: Cluster) -> Credential:
    """Return who signs the ITL after `utils itl reset localkey`.

    Raises UnusableInput for releases that have no such command.
    """
    if cluster.release < ITL_RECOVERY_LISTED:
        raise UnusableInput(
            f"release {cluster.release} has no ITLRecovery key; {ITL_RECOVERY_LISTED} is the first"
        )
    signs = cluster.release >= ITL_RECOVERY_SIGNS
    return cluster.publisher.callmanager if signs else cluster.itl_recovery


def reset_itl(draft: Draft, signer: Credential, now_seconds: int) -> None:
    """`utils itl reset`: the publisher's ITL, signed by this key, is served by every node.

    Raises UnusableInput when the publisher serves none.
    """
    cluster = draft.cluster
    itl = read_list(draft.root, cluster.publisher, ITL_FILE)
    if itl is None:
        raise UnusableInput(f"{cluster.publisher.name} serves no ITL; restart Cisco Tftp there")
    try:
        trust_list = decode_trust_list_untrusted(itl)
        octets = resigned(trust_list, signer, cluster.publisher, cluster.digest, now_seconds)
    except (MalformedFile, UnsupportedKey) as error:
        name = cluster.publisher.name
        raise UnusableInput(f"the ITL of {name} cannot be signed: {error}") from None
    draft.write_itl(octets)


def reset_ctl(draft: Draft, now_seconds: int) -> None:
    """`utils ctl reset localkey`: a new CTL, signed by the publisher's CallManager.

    Raises UnusableInput for a cluster without CTL and for releases before 12.0, in which
    CallManager signs the tokenless CTL anyway.
    """
    cluster = draft.cluster
    if cluster.release < ITL_RECOVERY_SIGNS:
        raise UnusableInput(
            f"before {ITL_RECOVERY_SIGNS} CallManager signs the CTL: use utils ctl update CTLFile"
        )
    if cluster.ctl is None:
        raise UnusableInput("there is no CTL; utils ctl set-cluster mixed-mode makes the first one")
    trust_list = decode_trust_list_untrusted(write_new_ctl(draft, now_seconds))
    publisher = cluster.publisher
    write_ctl(
        draft, resigned(trust_list, publisher.callmanager, publisher, cluster.digest, now_seconds)
    )


def export_recovery_key(cluster: Cluster, password: str) -> bytes:
    """Return ITLRecovery.p12: the key with its certificate, encrypted. Raises UnusableInput."""
    credential = cluster.itl_recovery
    certificate = load_certificate_untrusted(credential.certificate)
    if not password:
        raise UnusableInput("an empty password protects nothing")
    encryption = BestAvailableEncryption(password.encode())
    return serialize_key_and_certificates(
        b"ITLRecovery", credential.key, certificate, None, encryption
    )


def read_recovery_key(path: Path, octets: bytes, password: str) -> Credential:
    """Return the key in an ITLRecovery.p12. Raises UnusableInput, which does not show the password.

    path -- names the file in the error.
    """
    try:
        key, certificate, _ = load_key_and_certificates(octets, password.encode())
    except (ValueError, TypeError):
        raise UnusableInput(f"{path}: is no PKCS#12 file, or the password is wrong") from None
    if not isinstance(key, rsa.RSAPrivateKey) or certificate is None:
        raise UnusableInput(f"{path}: holds no RSA key with its certificate")
    try:
        return credential_of(certificate.public_bytes(Encoding.DER), key)
    except MalformedFile as error:
        raise UnusableInput(f"{path}: {error}") from None
