"""Files made by others are read, written back and made again from their certificates."""

from dataclasses import dataclass

import pytest
from support import ENCRYPTED, LISTS, SIGNED, lab, vector

from secd.certs import certutils_name, facts_of_untrusted, rsa_key_of_untrusted
from secd.crypto import (
    MODULUS_CODES,
    Digest,
    digest_of,
    encrypt_cbc,
    sign_rsa,
    unwrap_key,
    verify_rsa,
)
from secd.envelope import (
    CERTUTILS_ENCRYPTED_LAYOUT,
    CERTUTILS_LIST_LAYOUT,
    CERTUTILS_SIGNED_LAYOUT,
    Header,
    Signer,
    decode_signed_file_untrusted,
    encode_signed_file,
    looks_signed,
    pad,
    sign,
)
from secd.errors import SignatureInvalid
from secd.trustlist import (
    CERTUTILS_RECORD_LAYOUT,
    Function,
    Record,
    decode_trust_list_untrusted,
    encode_records,
    encode_trust_list,
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a list was made: who signed it, which identities stand in it, as what."""

    signer: str
    digest: Digest
    records: tuple[tuple[Function, str], ...]
    file_name: bytes = b"CTLFile.tlv"
    signer_version: tuple[int, int] = (1, 0)


TWO_TOKENS = ((Function.SAST, "sast1"), (Function.SAST, "sast2"))
RECIPES = {
    "ITL-sha1.tlv": Recipe(
        "sast1",
        Digest.SHA1,
        (
            *TWO_TOKENS,
            (Function.CCM_TFTP, "ccm"),
            (Function.CAPF, "capf"),
            (Function.TVS, "tvs"),
            (Function.APP_SERVER, "app"),
        ),
        b"ITLFile.tlv",
    ),
    "ITL-sha512-v1.1-ec.tlv": Recipe(
        "sast1",
        Digest.SHA512,
        (
            (Function.SAST, "sast1"),
            (Function.CCM, "ccm"),
            (Function.TFTP, "tftp-ec"),
            (Function.TVS, "tvs"),
            (Function.CAPF, "capf"),
        ),
        b"ITLFile.tlv",
        (1, 1),
    ),
    "CTL-sast2-signs.tlv": Recipe(
        "sast2",
        Digest.SHA1,
        (*reversed(TWO_TOKENS), (Function.CCM_TFTP, "ccm"), (Function.CAPF, "capf")),
    ),
    "CTL-sast1024.tlv": Recipe(
        "sast1024", Digest.SHA1, ((Function.SAST, "sast1024"), (Function.CCM_TFTP, "ccm"))
    ),
    "CTL-outsider.tlv": Recipe(
        "outsider", Digest.SHA1, ((Function.SAST, "outsider"), (Function.CCM_TFTP, "ccm"))
    ),
}


def signer_of(name: str) -> Signer:
    certificate = lab(name).certificate
    return Signer(
        certutils_name(certificate.subject).encode(),
        certutils_name(certificate.issuer).encode(),
        facts_of_untrusted(lab(name).der).serial,
    )


def record_of(function: Function, name: str) -> Record:
    facts = facts_of_untrusted(lab(name).der)
    signer = signer_of(name)
    return Record(
        function,
        subject=signer.name,
        issuer=signer.issuer,
        serial=signer.serial,
        public_key=facts.public_key,
        signature=facts.signature,
        certificate=lab(name).der,
        layout=CERTUTILS_RECORD_LAYOUT,
    )


def signed_by(name: str, header: Header, body: bytes) -> bytes:
    return sign(pad(header), body, lambda octets: sign_rsa(lab(name).key, octets, header.digest))


@pytest.mark.parametrize("name", LISTS)
def test_a_list_written_back_from_its_values_is_the_same_file(name: str) -> None:
    trust_list = decode_trust_list_untrusted(vector(name))
    assert encode_trust_list(trust_list.header, trust_list.records) == vector(name)


@pytest.mark.parametrize("name", SIGNED)
def test_a_signed_file_written_back_from_its_values_is_the_same_file(name: str) -> None:
    file = decode_signed_file_untrusted(vector(name))
    assert encode_signed_file(file.header, file.body) == vector(name)


def test_every_list_has_a_recipe() -> None:
    assert set(LISTS) == set(RECIPES)


@pytest.mark.parametrize("name", LISTS)
def test_a_list_made_from_the_certificates_is_the_same_file(name: str) -> None:
    recipe = RECIPES[name]
    header = Header(
        version=(1, 2),
        signer=signer_of(recipe.signer),
        digest=recipe.digest,
        signature_algorithm=0,
        modulus_code=MODULUS_CODES[lab(recipe.signer).key.key_size],
        signature=b"",
        file_name=recipe.file_name,
        timestamp=decode_trust_list_untrusted(vector(name)).header.timestamp,
        signer_version=recipe.signer_version,
        layout=CERTUTILS_LIST_LAYOUT,
    )
    records = tuple(record_of(function, who) for function, who in recipe.records)
    assert decode_trust_list_untrusted(vector(name)).records == records
    assert signed_by(recipe.signer, header, encode_records(records)) == vector(name)


def test_every_signed_file_is_made_anew_below() -> None:
    assert len(SIGNED) == 10
    assert len(ENCRYPTED) == 2


@pytest.mark.parametrize("name", [name for name in SIGNED if name not in ENCRYPTED])
def test_a_signed_file_made_from_the_certificate_is_the_same_file(name: str) -> None:
    file = decode_signed_file_untrusted(vector(name))
    header = Header(
        version=(1, 0),
        signer=signer_of("ccm"),
        digest=Digest.SHA512 if "sha512" in name else Digest.SHA1,
        signature_algorithm=0,
        modulus_code=MODULUS_CODES[2048],
        signature=b"",
        file_name=name.rpartition("/")[2].encode(),
        timestamp=file.header.timestamp,
        layout=CERTUTILS_SIGNED_LAYOUT,
    )
    assert signed_by("ccm", header, file.body) == vector(name)


@pytest.mark.parametrize("name", ENCRYPTED)
def test_an_encrypted_file_made_from_its_plaintext_is_the_same_file(name: str) -> None:
    """The vector's wrapped key is kept: wrapping draws random octets."""
    header = decode_signed_file_untrusted(vector(name)).header
    assert header.encryption is not None
    plaintext = vector("SEP0011215A1AE3.cnf.xml")
    assert header.encryption.plaintext_digest == digest_of(plaintext, header.digest)
    made = Header(
        version=(2, 0),
        signer=signer_of("ccm"),
        digest=Digest.SHA512 if "sha512" in name else Digest.SHA1,
        signature_algorithm=0,
        modulus_code=MODULUS_CODES[2048],
        signature=b"",
        file_name=name.rpartition("/")[2].encode(),
        timestamp=header.timestamp,
        encryption=header.encryption,
        layout=CERTUTILS_ENCRYPTED_LAYOUT,
    )
    filled = plaintext + b"\r" * header.encryption.plaintext_padding
    key = unwrap_key(lab("mic").key, header.encryption.wrapped_key)
    body = encrypt_cbc(key, header.encryption.initialisation_vector, filled)
    assert signed_by("ccm", made, body) == vector(name)


@pytest.mark.parametrize("name", [*LISTS, *SIGNED])
def test_the_signature_was_made_over_the_file_without_its_signature_tlv(name: str) -> None:
    octets = vector(name)
    file = decode_signed_file_untrusted(octets)
    tlv = b"\x0c" + len(file.header.signature).to_bytes(2, "big") + file.header.signature
    assert octets.count(tlv) == 1
    assert file.signed_octets == octets.replace(tlv, b"")
    signer = RECIPES[name].signer if name in RECIPES else "ccm"
    key = rsa_key_of_untrusted(lab(signer).der)
    verify_rsa(key, file.header.signature, file.signed_octets, file.header.digest)
    with pytest.raises(SignatureInvalid):
        verify_rsa(key, file.header.signature, octets, file.header.digest)


@pytest.mark.parametrize("name", LISTS)
def test_the_signer_of_a_list_stands_among_its_records(name: str) -> None:
    trust_list = decode_trust_list_untrusted(vector(name))
    assert [record.certificate for record in trust_list.signer_records] == [
        lab(RECIPES[name].signer).der
    ]


def test_a_certificate_in_two_records_is_found_twice() -> None:
    trust_list = decode_trust_list_untrusted(vector("CTL-outsider.tlv"))
    first = trust_list.records[0]
    twice = encode_trust_list(trust_list.header, (*trust_list.records, first))
    assert decode_trust_list_untrusted(twice).signer_records == (first, first)


@pytest.mark.parametrize(("name", "padding"), [("ab", 0), ("a", 1), ("abcd", 2), ("abc", 3)])
def test_the_header_is_padded_to_a_multiple_of_four(name: str, padding: int) -> None:
    file = decode_signed_file_untrusted(vector(f"padding/{name}.xml.sgn"))
    assert file.header.padding == padding
    assert file.header_length % 4 == 0
    assert file.octets[: file.header_length].endswith(b"\r" * padding)


@pytest.mark.parametrize("name", [*LISTS, *SIGNED])
def test_every_vector_looks_signed(name: str) -> None:
    assert looks_signed(vector(name))


def test_a_plain_configuration_does_not_look_signed() -> None:
    assert not looks_signed(vector("SEP0011215A1AE3.cnf.xml"))
