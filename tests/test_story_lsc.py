"""The demo's chapter about LSCs, on loopback: our phones against our CAPF, TFTP and HTTP."""

from contextlib import closing

import trio

from firmware_sim.capf import CAPFStore
from firmware_sim.net.theatre import Boot, play_scene
from firmware_sim.story import SCENES, make_stage
from secd.files.flash import MemoryFlash
from secd.trace import FileVerified
from secd.words import BootOutcome, EnrolmentOutcome


def test_null_string_authentication_string_and_an_encrypted_configuration() -> None:
    stage, flashes = make_stage(), dict[str, MemoryFlash]()
    tokenless = next(scene for scene in SCENES if "tokenless" in scene.title)
    tokenless.prepare(stage)
    with closing(CAPFStore(None)) as capf:
        by_null, by_string, encrypted = (
            trio.run(play_scene, stage, scene, flashes, capf) for scene in SCENES[-3:]
        )
        results = [capf.get(boot.actor.device) for boot in (by_null[0], by_string[0])]
    assert all(boot.report.outcome is BootOutcome.BOOTED for boot in by_null + by_string)
    lsc = by_null[0].report.identities.lsc
    assert lsc is not None
    assert [record.lsc for record in results if record][:1] == [lsc.certificate]
    wrong, right = (boot.update for boot in by_string)
    assert wrong is not None
    assert right is not None
    assert (wrong.outcome, wrong.identities.lsc) == (EnrolmentOutcome.REFUSED, None)
    assert right.outcome is EnrolmentOutcome.INSTALLED
    assert right.identities.lsc is not None
    assert [record.string for record in results if record] == ["", ""]
    minimal, whole = (configurations(boot) for boot in encrypted)
    assert minimal == [f"{by_null[0].actor.device}.cnf.xml.sgn"]
    assert whole == [f"{by_null[0].actor.device}.cnf.xml.enc.sgn"]


def configurations(boot: Boot) -> list[str]:
    """The names of configurations that were verified."""
    return [
        traced.event.file_name
        for traced in boot.report.events
        if isinstance(traced.event, FileVerified) and ".cnf.xml" in traced.event.file_name
    ]
