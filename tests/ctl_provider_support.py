"""Two nodes' CTL Providers over a cluster directory, each with an open conversation."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from ctl_support import (
    ctl_of,
    make_site,
)

from firmware_sim.administration.directory import read_cluster
from firmware_sim.administration.provider import (
    NodeProvider,
    Visit,
)
from firmware_sim.administration.staging import ProviderSite
from firmware_sim.ctl_provider.messages import (
    RefusalReason,
    Refused,
    SaveCTL,
)

ONE, OTHER = bytes(16), bytes([1]) * 16


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_site(tmp_path / "site")


@dataclass
class Site:
    """Two nodes' providers, each with an open conversation."""

    root: Path
    now: float = 0.0

    def __post_init__(self) -> None:
        self.site = ProviderSite(self.root, lambda: self.now)
        self.publisher, self.subscriber = self.visit(0), self.visit(1)

    def visit(self, number: int) -> Visit:
        return NodeProvider(self.site, f"cucm-{number}").visit()

    def save(self, ctl: bytes, transaction: bytes = ONE, base: bytes = b"") -> SaveCTL:
        return SaveCTL(transaction, base, ctl)


@pytest.fixture
def site(root: Path) -> Site:
    return Site(root)


def first_ctl(root: Path) -> bytes:
    return ctl_of(read_cluster(root))


def refusal(answer: object) -> tuple[RefusalReason, str]:
    assert isinstance(answer, Refused), answer
    return answer.reason, answer.text
