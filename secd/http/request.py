"""What a phone writes into its request for a file.

Decided here: how a file's name becomes a request target, and what the phone calls itself.
"""

import re
from typing import Final
from urllib.parse import quote

from secd.errors import UnusableInput
from secd.models import Model

# sip78xx.12-1-1, SCCP894x.9-2-3-0, sip88xx.12-5-1SR3-74: three numbers after the first dot.
_RELEASE: Final = re.compile(r"\.(\d+)-(\d+)-(\d+)")


def encode_target(file_name: str) -> str:
    """Return the request target of a file: `/` and the name, percent-encoded (RFC 3986).

    Only letters, digits, `-._~` and `/` (RingList.xml lies beside folders of locales) stand for
    themselves, so that no name can add a query, a blank or a line to the request. Raises
    UnusableInput for a name that is empty or no text.
    """
    if not file_name:
        raise UnusableInput("HTTP cannot ask for a file without a name")
    try:
        return "/" + quote(file_name)
    except UnicodeEncodeError:
        raise UnusableInput(f"HTTP cannot ask for a file named {file_name!a}: no text") from None


def encode_host(server: str, port: int) -> str:
    """Return the value of `Host` (RFC 9110 section 7.2): an IPv6 address stands in brackets."""
    return f"[{server}]:{port}" if ":" in server else f"{server}:{port}"


def user_agent(model: Model) -> str:
    """Return what the phone calls itself: `Cisco-CP7821/12.1.1`.

    Cisco 214535 shows it in a SIP message of a 7821 with 12.1(1); that requests for files carry
    the same, no public source shows. Raises UnusableInput for a load whose name holds no release.
    """
    release = _RELEASE.search(model.load)
    if release is None:
        raise UnusableInput(f"the load {model.load!a} names no release for HTTP requests")
    return f"Cisco-CP{model.name}/{'.'.join(release.groups())}"
