"""HTTP as a phone speaks it to get its files: one GET, without sockets and without a clock.

RFC 9110, RFC 9112. The framing is h11's; here stands what a phone asks and what it takes.
"""

from secd.http.get import HEAD_LIMIT_BYTES, Get, Response
from secd.http.request import encode_target, user_agent

__all__ = ["HEAD_LIMIT_BYTES", "Get", "Response", "encode_target", "user_agent"]
