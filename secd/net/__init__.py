"""Everything that touches the outside: sockets, TLS, transports, clocks.

Modules here run actions and feed events back; they take no decision about trust.

Nothing is re-exported on purpose: `secd.net.network` (the seam and the address book) imports no
trio, and whoever only parses a command line shall not pay the 80 ms of importing it.
"""
