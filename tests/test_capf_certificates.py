"""What CAPF may give a phone as its LSC: only what the phone can load again."""

import pytest

from fuzz.doors.seeds import capf_of_servers
from fuzz.signing import identity
from secd.capf import Identity, certifies, public_octets
from secd.errors import FlashUnusable
from secd.files.flash import MemoryFlash
from secd.files.identity import LSCFile

OURS = identity("CCM")
# Its key is right, its subject no UTF-8: the library reads names late.
UNREADABLE = OURS.certificate.replace(b"CCM", b"C\xffM")


def test_a_certificate_with_a_name_that_cannot_be_read_certifies_nothing() -> None:
    """Found by the fuzzer's door of CAPF: it was installed, and the next boot refused the flash."""
    assert certifies(OURS.certificate, public_octets(OURS.key))
    assert not certifies(UNREADABLE, public_octets(OURS.key))


def test_such_a_certificate_would_make_the_flash_unusable() -> None:
    file = LSCFile(MemoryFlash())
    for certificate in (OURS.certificate, UNREADABLE):
        file.stage(Identity(certificate, OURS.key))
        file.commit()
        if certificate is OURS.certificate:
            assert file.load() is not None
        else:
            with pytest.raises(FlashUnusable, match=r"lsc\.pem"):
                file.load()


def test_the_seed_of_our_own_certificate_comes_to_an_installation() -> None:
    """Else the door of the client would never see one."""
    assert any(OURS.certificate in octets for octets in capf_of_servers())
