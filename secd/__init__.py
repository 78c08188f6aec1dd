"""secd: the security daemon of a Cisco IP phone, rebuilt in the open."""

__version__ = "0.1.0"
