"""Doors for the conversation of CTL Client and CTL Provider, both ends."""

from functools import cache

from firmware_sim.ctl_client.facts import cluster_facts_untrusted, node_facts_untrusted
from firmware_sim.ctl_client.plan import Action, Plan, Refusal, plan
from firmware_sim.ctl_provider.codec import (
    decode_answer_untrusted,
    decode_request_untrusted,
    encode_message,
)
from firmware_sim.ctl_provider.messages import (
    Answer,
    Certificates,
    ClusterNode,
    Commit,
    Committed,
    CTLStaged,
    GetCertificates,
    GetCTL,
    HeldCTL,
    LoggedIn,
    Login,
    ModeNoted,
    PublisherFacts,
    RefusalReason,
    Refused,
    Request,
    SaveCTL,
    SetMode,
)
from firmware_sim.ctl_provider.session import ClientSession, ProviderSession, ServerState
from firmware_sim.ctl_provider.wire import decode_frame_untrusted
from fuzz.signing import identity
from secd.errors import RemoteProtocolViolation

_NOW = 1_600_000_000
_ANSWERS: dict[type[Request], Answer] = {
    Login: LoggedIn(),
    GetCertificates: Refused(RefusalReason.UNABLE, "x"),
    GetCTL: HeldCTL(None),
    SetMode: ModeNoted(),
    SaveCTL: CTLStaged(),
    Commit: Committed(),
}


def ctl_provider(octets: bytes) -> None:
    """Take a request, in each state in which one is awaited; it is written back the same."""
    for before in ((), (_login(),), (_login(), _save())):
        session = ProviderSession()
        for request in before:
            assert session.receive_octets(encode_message(request)) == request
            session.answer(_ANSWERS[type(request)])
        try:
            met = session.receive_octets(octets)
        except RemoteProtocolViolation as error:
            assert str(error).isprintable()
            assert session.state is ServerState.ENDED
            continue
        if met is None:
            continue
        again = decode_request_untrusted(decode_frame_untrusted(encode_message(met)))
        assert again == met
        assert isinstance(met, Login) == (not before)
        assert isinstance(met, Commit) == (len(before) == 2)
        session.answer(_ANSWERS[type(met)])


def ctl_client(octets: bytes) -> None:
    """Take an answer to every request; what a node tells makes a plan, a refusal or a violation."""
    for request, good in _ANSWERS.items():
        client = ClientSession()
        client.ask(_request(request))
        try:
            met = client.receive_octets(octets)
        except RemoteProtocolViolation as error:
            assert str(error).isprintable()
            continue
        if met is None:
            continue
        assert decode_answer_untrusted(decode_frame_untrusted(encode_message(met))) == met
        if isinstance(met, HeldCTL):
            _plan(_told(), met.octets)
        elif isinstance(met, Certificates):
            _plan(met, None)
        else:
            assert isinstance(met, (type(good), Refused))


def _plan(told: Certificates, ctl: bytes | None) -> None:
    token = identity("TOKEN1").certificate
    try:
        node = node_facts_untrusted(told, ctl, bytes(32))
        if told.publisher is None:
            return
        cluster = cluster_facts_untrusted(told, told.publisher, (node,))
    except RemoteProtocolViolation as error:
        assert str(error).isprintable()
        return
    for action in Action:
        found = plan(cluster, action, [token], (), _NOW)
        assert isinstance(found, (Plan, Refusal))


@cache
def _told() -> Certificates:
    ccm = identity("CCM").certificate
    publisher = PublisherFacts(ccm, ccm, (ClusterNode("cucm", bytes(32)),))
    return Certificates("cucm", "10.0.0.1", "10.5(2)", True, ccm, publisher)


def _login() -> Login:
    return Login("admin", "password")


def _save() -> SaveCTL:
    return SaveCTL(bytes(16), b"", b"ctl")


def _request(kind: type[Request]) -> Request:
    made: dict[type[Request], Request] = {
        Login: _login(),
        SetMode: SetMode(True),
        SaveCTL: _save(),
        Commit: Commit(bytes(16)),
        GetCTL: GetCTL(),
        GetCertificates: GetCertificates(),
    }
    return made[kind]


def requests() -> list[bytes]:
    """One of each kind."""
    return [encode_message(_request(kind)) for kind in _ANSWERS]


def answers() -> list[bytes]:
    """One of each kind, and a CTL."""
    return [*map(encode_message, (*_ANSWERS.values(), _told(), HeldCTL(b"\x01\x00\x02")))]
