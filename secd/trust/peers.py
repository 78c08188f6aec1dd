"""Whether the certificate of a TLS server is trusted: rows T1 to T5 of the decision table.

A peer is trusted when its certificate is, octet for octet, that of a record with the right
function; a chain counts nowhere but for HTTPS services of 78xx and 88xx. Validity dates of peers
are not checked (no source says that phones do).
"""

from collections.abc import Iterable

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from secd.certs import facts_of_untrusted, load_certificate_untrusted
from secd.errors import MalformedFile
from secd.models import CAPFByTVS, CCMPeer, Generation, Model, Switches
from secd.trust.reasons import Reason
from secd.trust.signers import current_voucher, refuse_voucher, tvs_is_out
from secd.trust.values import (
    Accept,
    Context,
    Evidence,
    Installed,
    NeedsTVS,
    Refuse,
    Voucher,
)
from secd.trustlist import Function, TrustList

_CCM = frozenset({int(Function.CCM), int(Function.CCM_TFTP)})
_SERVES_HTTPS_FILES = (1, 1)  # signer version from which a list turns on HTTPS 6971

PeerVerdict = Accept | Refuse | NeedsTVS


def decide_peer(
    installed: Installed,
    certificate: bytes,
    function: Function,
    context: Context,
    vouchers: tuple[Voucher, ...] = (),
) -> PeerVerdict:
    """Judge the DER certificate that a TLS server presents.

    function -- what the server is wanted for: CCM, CAPF, TVS, APP_SERVER or TFTP (HTTPS 6971).
    Raises ValueError for any other function (a caller's bug).
    """
    match function:
        case Function.CCM:
            return _decide_ccm(installed, certificate, context, vouchers)
        case Function.CAPF:
            return _decide_capf(installed, certificate, context, vouchers)
        case Function.TVS:
            return _decide_tvs(installed, certificate, context)
        case Function.APP_SERVER:
            return _decide_service(installed, certificate, context, vouchers)
        case Function.TFTP:
            return _decide_file_server(installed, certificate, context)
        case _:
            raise ValueError(f"no TLS server is judged by function {function.name}")


def decide_pinned(certificate: bytes, pinned: bytes) -> Accept | Refuse:
    """Judge a server by the one certificate that the user named: octet for octet (DER)."""
    if certificate == pinned:
        return Accept(Reason.PEER_LISTED)
    return Refuse(
        Reason.PEER_NOT_LISTED, Evidence("the server shows another certificate than the one named")
    )


def knows_call_manager(installed: Installed, switches: Switches) -> bool:
    """Tell whether any call manager could be trusted by the lists alone (row T1).

    A phone in a secure mode that holds no such record goes back to asking for its CTL. (Guides
    speak of the missing CTL; phones on Asterisk run secure with an ITL alone.)
    """
    return any(True for _ in _certificates(_ccm_lists(installed, switches), _CCM))


def _ccm_lists(installed: Installed, switches: Switches) -> tuple[TrustList | None, ...]:
    """The lists that row T1 looks into: the CTL alone if one is stored, else the ITL."""
    if switches.ccm_peer is CCMPeer.CTL_OR_ITL or installed.ctl is None:
        return installed.ctl, installed.itl
    return (installed.ctl,)


def _decide_ccm(
    installed: Installed, certificate: bytes, context: Context, vouchers: tuple[Voucher, ...]
) -> PeerVerdict:
    """Row T1: in the CTL if one is stored (then never TVS), else in the ITL, else TVS."""
    listed = _by_lists(_ccm_lists(installed, context.model.switches), certificate, _CCM)
    if isinstance(listed, Accept) or installed.ctl is not None:
        return listed
    return _by_tvs(installed, certificate, _CCM, context, vouchers)


def _decide_capf(
    installed: Installed, certificate: bytes, context: Context, vouchers: tuple[Voucher, ...]
) -> PeerVerdict:
    """Row T2: a CAPF record in either list; TVS where no list knows any CAPF; P0: CTL only."""
    functions = frozenset({int(Function.CAPF)})
    if not context.model.security_by_default:
        return _by_lists((installed.ctl,), certificate, functions)
    lists = (installed.ctl, installed.itl)
    listed = _by_lists(lists, certificate, functions)
    known = any(True for _ in _certificates(lists, functions))
    switch = context.model.switches.capf_tvs
    if isinstance(listed, Accept) or switch is CAPFByTVS.NEVER:
        return listed
    if known and switch is CAPFByTVS.ONLY_IF_UNLISTED:
        return listed
    return _by_tvs(installed, certificate, functions, context, vouchers)


def _decide_tvs(installed: Installed, certificate: bytes, context: Context) -> PeerVerdict:
    """Row T3: a TVS record of the installed ITL; without any, TVS has no anchor."""
    functions = frozenset({int(Function.TVS)})
    if not context.model.security_by_default:
        return Refuse(Reason.TVS_NO_ANCHOR, Evidence(f"a {context.model.name} never speaks to TVS"))
    if not any(True for _ in _certificates((installed.itl,), functions)):
        return Refuse(Reason.TVS_NO_ANCHOR, Evidence("the installed ITL holds no TVS certificate"))
    return _by_lists((installed.itl,), certificate, functions)


def _decide_service(
    installed: Installed, certificate: bytes, context: Context, vouchers: tuple[Voucher, ...]
) -> PeerVerdict:
    """Row T4: an APP-SERVER record, on P3 also one that issued the certificate, else TVS."""
    functions = frozenset({int(Function.APP_SERVER)})
    lists = (installed.ctl, installed.itl)
    listed = _by_lists(lists, certificate, functions)
    if isinstance(listed, Accept):
        return listed
    if context.model.generation is Generation.P3 and any(
        _issued(ca, certificate) for ca in _certificates(lists, functions)
    ):
        return Accept(Reason.CHAIN_TO_CA)
    return _by_tvs(installed, certificate, functions, context, vouchers)


def https_offered(installed: Installed, model: Model) -> bool:
    """Tell whether a phone asks for its configuration by HTTPS at all (row T5).

    On P3, where the ITL's signer version is 1.1 or more (usecallmanager.nz).
    """
    version = None if installed.itl is None else installed.itl.header.signer_version
    new = version is not None and version >= _SERVES_HTTPS_FILES
    return model.generation is Generation.P3 and new


def _decide_file_server(installed: Installed, certificate: bytes, context: Context) -> PeerVerdict:
    """Row T5: a TFTP record of an ITL whose signer version is 1.1 or more, on P3."""
    if not https_offered(installed, context.model):
        detail = f"a {context.model.name} with this ITL gets no files over HTTPS"
        return Refuse(Reason.PEER_NOT_LISTED, Evidence(detail))
    return _by_lists((installed.itl,), certificate, frozenset({int(Function.TFTP)}))


def _by_lists(
    lists: Iterable[TrustList | None], certificate: bytes, functions: frozenset[int]
) -> Accept | Refuse:
    if any(listed == certificate for listed in _certificates(lists, functions)):
        return Accept(Reason.PEER_LISTED)
    wanted = " or ".join(Function(number).name for number in sorted(functions))
    return Refuse(
        Reason.PEER_NOT_LISTED, Evidence(f"no {wanted} record holds the server's certificate")
    )


def _by_tvs(
    installed: Installed,
    certificate: bytes,
    functions: frozenset[int],
    context: Context,
    vouchers: tuple[Voucher, ...],
) -> PeerVerdict:
    if tvs_is_out(installed, context) is not None:
        return _by_lists((), certificate, functions)
    try:
        facts = facts_of_untrusted(certificate)
    except MalformedFile as error:
        return Refuse(Reason.PEER_NOT_LISTED, Evidence(error.check))
    voucher = current_voucher(vouchers, facts.issuer.encode(), facts.serial, context.now_seconds)
    if voucher is None:
        return NeedsTVS(Reason.PEER_NOT_LISTED)
    refused = refuse_voucher(voucher, functions)
    if refused is not None:
        return Refuse(refused[0], Evidence(refused[1], voucher=voucher))
    if voucher.certificate != certificate:
        detail = "TVS vouched for another certificate with the same issuer and serial"
        return Refuse(Reason.TVS_DENIED, Evidence(detail, voucher=voucher))
    return Accept(Reason.TVS_VOUCHED, Evidence(voucher=voucher))


def _certificates(lists: Iterable[TrustList | None], functions: frozenset[int]) -> Iterable[bytes]:
    for trust_list in lists:
        for record in () if trust_list is None else trust_list.records:
            if record.certificate and record.function in functions:
                yield record.certificate


def _issued(ca: bytes, certificate: bytes) -> bool:
    """Tell whether a CA certificate issued another one: names fit and the signature is right.

    By hand, because the library refuses SHA-1, which old clusters use.
    """
    try:
        issuer = load_certificate_untrusted(ca)
        subject = load_certificate_untrusted(certificate)
        if subject.issuer != issuer.subject or not _is_ca(issuer):
            return False
        key = issuer.public_key()
        algorithm = subject.signature_hash_algorithm
        if algorithm is None:
            return False
        signed, signature = subject.tbs_certificate_bytes, subject.signature
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, signed, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, signed, ec.ECDSA(algorithm))
        else:
            return False
    except (MalformedFile, InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    except (x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return False  # extensions are read late, and these two are no ValueErrors
    return True


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return False
    return constraints.value.ca
