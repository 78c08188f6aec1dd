"""Whether a TFTP server may be asked: rows S1 to S3 of the decision table.

The 7940 and 7960 ask a TFTP server only if its address stands in their CTL; newer phones accept
any address if the signature is right (seed guide, J. Burns' answer to Carlos). Which record field
the old phones compare no source says: that is the switch `p0_address_fields`. Host names are not
resolved here: a record's DNS name counts where it is the address as configured.
"""

from ipaddress import ip_address

from secd.models import P0AddressFields
from secd.trust.reasons import Reason
from secd.trust.values import Accept, Context, Evidence, Installed, Refuse
from secd.trustlist import Function, Record

_SERVES_FILES = frozenset({int(Function.CCM_TFTP), int(Function.TFTP)})


def decide_server(installed: Installed, address: str, context: Context) -> Accept | Refuse:
    """Judge the logical address of a TFTP server."""
    if context.model.security_by_default:
        return Accept(Reason.ADDRESS_NOT_CHECKED)
    if installed.ctl is None:
        return Accept(Reason.NO_CTL)
    fields = context.model.switches.p0_address_fields
    if any(
        record.function in _SERVES_FILES and _holds(record, address, fields)
        for record in installed.ctl.records
    ):
        return Accept(Reason.SERVER_IN_CTL)
    detail = f"{address} stands in no CCM+TFTP or TFTP record of the installed CTL"
    return Refuse(Reason.SERVER_NOT_IN_CTL, Evidence(detail))


def _holds(record: Record, address: str, fields: P0AddressFields) -> bool:
    packed = _packed(address)
    by_address = packed is not None and record.ip_address == packed
    by_name = record.dns_name is not None and record.dns_name == address.encode()
    return (by_address and fields is not P0AddressFields.DNS_NAME) or (
        by_name and fields is not P0AddressFields.IP_ADDRESS
    )


def _packed(address: str) -> bytes | None:
    try:
        return ip_address(address).packed
    except ValueError:
        return None
