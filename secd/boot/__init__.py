"""The boot of a phone as synchronous machines: events in, actions and trace events out."""

from secd.boot.machine import BootMachine, Output, Phone
from secd.boot.messages import (
    Action,
    AskTVS,
    EraseTrustList,
    Event,
    FetchFile,
    FileNotReceived,
    FileReceived,
    Finish,
    InstallTrustList,
    PhoneBooted,
    StoreConfiguration,
    TimerFired,
    Transfer,
    TVSServerAnswered,
    TVSServerFailed,
    Wait,
)

__all__ = [
    "Action",
    "AskTVS",
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
    "StoreConfiguration",
    "TVSServerAnswered",
    "TVSServerFailed",
    "TimerFired",
    "Transfer",
    "Wait",
]
