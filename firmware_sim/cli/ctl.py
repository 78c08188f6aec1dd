"""`firmware-sim ctl`: the CTL Client, and who may log in to the CTL Providers."""

import hashlib
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from firmware_sim.administration.directory import is_cluster_directory
from firmware_sim.administration.provider import write_administrator
from firmware_sim.cli.pins import ask_password, ask_pin
from firmware_sim.cluster import ListedCertificate, listed_token
from firmware_sim.ctl_client.events import ClientEvent
from firmware_sim.ctl_client.facts import ClusterFacts
from firmware_sim.ctl_client.plan import Action, Part, Plan, Refusal, name_of, plan
from firmware_sim.ctl_client.texts import say, tell
from firmware_sim.ctl_provider.password import SALT_BYTES, make_administrator
from firmware_sim.tokens import Token, WrongPIN, open_tokens
from secd.certs import facts_of_untrusted
from secd.cli.addresses import parse_server
from secd.errors import MalformedFile, UnusableInput
from secd.text import text_of

if TYPE_CHECKING:
    from firmware_sim.net.ctl_client import CTLClient, WriteOutcome
    from secd.net.network import AddressBook

_PORT = 2444
_REFUSED, _UNREACHABLE = 1, 3
_PIN_TRIES = 3
_TRANSACTION_BYTES = 16
_Result = TypeVar("_Result")
