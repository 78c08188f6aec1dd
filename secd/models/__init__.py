"""Phone models and firmware loads as data."""

from secd.models.model import (
    Absent,
    CAPFByTVS,
    CCMPeer,
    Destinations,
    FirstCTLWithITL,
    Generation,
    Model,
    P0AddressFields,
    Switches,
    TFTPOptions,
    TVSFlush,
)
from secd.models.tls import TLSProfile, TLSVersion

__all__ = [
    "Absent",
    "CAPFByTVS",
    "CCMPeer",
    "Destinations",
    "FirstCTLWithITL",
    "Generation",
    "Model",
    "P0AddressFields",
    "Switches",
    "TFTPOptions",
    "TLSProfile",
    "TLSVersion",
    "TVSFlush",
]
