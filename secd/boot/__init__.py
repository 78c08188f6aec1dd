"""The boot of a phone as synchronous machines: events in, actions and trace events out."""

from secd.boot.machine import BootMachine, Output, Phone
from secd.boot.messages import (
    Action,
    EraseTrustList,
    Event,
    FetchFile,
    FileNotReceived,
    FileReceived,
    Finish,
    InstallTrustList,
    PhoneBooted,
    QueryTVS,
    StoreConfiguration,
    TimerFired,
    Transfer,
    TVSAnswered,
    Wait,
)

__all__ = [
    "Action",
    "BootMachine",
    "EraseTrustList",
    "Event",
    "FetchFile",
    "FileNotReceived",
    "FileReceived",
    "Finish",
    "InstallTrustList",
    "Output",
    "Phone",
    "PhoneBooted",
    "QueryTVS",
    "StoreConfiguration",
    "TVSAnswered",
    "TimerFired",
    "Transfer",
    "Wait",
]
