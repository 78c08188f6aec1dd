"""One decision on a list of five certificates, nothing cached.

Against the floor that no implementation on this library gets below: loading those certificates
and verifying one RSA-2048 signature. The list is a published vector's kind: a CTL update whose
signer stands in the installed CTL.
"""

from dataclasses import replace
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from benchmarks.figure import Figure, best_seconds
from secd.crypto import sign_rsa
from secd.envelope import SignedFile, sign
from secd.files.data import model_catalogue
from secd.trust import Accept, Context, Installed, decide
from secd.trustlist import decode_trust_list_untrusted, encode_records
from secd.words import FileKind

_VECTORS = Path(__file__).parent.parent / "tests" / "vectors"


def figures() -> list[Figure]:
    """Measure and return the ratio."""
    whole = decode_trust_list_untrusted((_VECTORS / "ITL-sha1.tlv").read_bytes())
    records = whole.records[:5]
    pem = (_VECTORS / "certs" / "sast1.pem").read_bytes()
    key = load_pem_private_key(pem, None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("sast1.pem holds an RSA key")
    body = encode_records(records)
    header = replace(whole.header, file_name=b"CTLFile.tlv")
    candidate = sign(header, body, lambda octets: sign_rsa(key, octets, header.digest))
    later = sign(
        replace(header, timestamp=(header.timestamp or 0) + 1),
        body,
        lambda octets: sign_rsa(key, octets, header.digest),
    )
    installed = Installed(ctl=decode_trust_list_untrusted(candidate))
    context = Context(model_catalogue().find("8861"), FileKind.CTL, 0.0)
    if not isinstance(decide(installed, later, context), Accept):
        raise RuntimeError("the benchmark must measure an acceptance")
    ours = best_seconds(lambda: decide(installed, later, context))
    floor = best_seconds(_floor_of(decode_trust_list_untrusted(later).file, records))
    return [
        Figure(
            f"One decision, list of {len(later)} octets with 5 certificates, caches cold",
            f"{ours / floor:.2f} x (5 certificate loads + one RSA-2048 verify)",
            "at most 2",
            f"decision {ours * 1e6:.1f} µs, floor {floor * 1e6:.1f} µs",
        )
    ]


class _floor_of:  # noqa: N801 - used as a function
    """Loads the five certificates and verifies the signature, and does nothing else."""

    def __init__(self, file: SignedFile, records: tuple[object, ...]) -> None:
        self._signed, self._signature = file.signed_octets, file.header.signature
        self._ders = [der for der in (getattr(r, "certificate", None) for r in records) if der]

    def __call__(self) -> None:
        certificates = [x509.load_der_x509_certificate(der) for der in self._ders]
        key = certificates[0].public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            raise TypeError("the signer's key is RSA")
        key.verify(self._signature, self._signed, padding.PKCS1v15(), hashes.SHA1())
