"""A phone's CAPF client against the lab's CAPF server, over TLS and the kernel's sockets."""

from capf_lab import Kernel, Phone, a_lab

from secd.capf import Operation, Reason
from secd.configuration import CAPFMode


async def test_an_lsc_by_null_string() -> None:
    lab = a_lab()
    lab.schedule(Operation.INSTALL, CAPFMode.NULL_STRING)
    async with lab.serving(Kernel()) as server:
        phone = Phone(server)
        ended = await phone.converse()
    assert (ended.operation, ended.reason, ended.done) == (Operation.INSTALL, Reason.SUCCESS, True)
    assert ended.install is not None
    record = lab.record()
    assert record.lsc == ended.install.certificate
    assert record.operation is Operation.NOTHING
    assert phone.staged == [ended.install]
