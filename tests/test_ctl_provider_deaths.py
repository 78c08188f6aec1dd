"""CTL Providers whose disk is full or whose process dies: all of a change is there, or none."""

import errno
import os
from hashlib import sha256
from pathlib import Path

import pytest
from ctl_provider_support import ONE, OTHER, Site, first_ctl, refusal
from ctl_provider_support import root as root  # a fixture
from ctl_provider_support import site as site  # a fixture
from ctl_support import (
    NOW,
    content,
    held,
)

from firmware_sim.administration.commands import (
    set_mixed_mode,
)
from firmware_sim.administration.directory import drafting, read_cluster
from firmware_sim.administration.journal import JOURNAL
from firmware_sim.ctl_provider.messages import (
    Commit,
    Committed,
    CTLStaged,
    RefusalReason,
    SetMode,
)


def test_a_death_after_staging_changes_nothing_and_hinders_nobody(site: Site) -> None:
    ctl = first_ctl(site.root)
    site.subscriber.answer(site.save(ctl))
    assert site.site._change is not None
    site.site._change.hold.close()  # as the kernel gives up the locks of the dead
    with drafting(site.root) as draft:
        set_mixed_mode(draft, NOW)
    assert held(site.root)[0] == held(site.root)[1] != ctl
    again = Site(site.root)
    base = sha256(held(site.root)[1] or b"").digest()
    assert again.subscriber.answer(again.save(ctl, OTHER, base)) == CTLStaged()
    assert again.subscriber.answer(Commit(OTHER)) == Committed()
    assert held(site.root)[1] == ctl


def test_a_full_disk_on_one_node_refuses_and_holds_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctl = first_ctl(site.root)
    before = content(site.root)
    real = os.open

    def full(path: str, flags: int, mode: int = 0o777) -> int:
        if "cucm-1/CTLFile" in str(path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return real(path, flags, mode)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", full)
        reason, text = refusal(site.subscriber.answer(site.save(ctl)))
    assert reason is RefusalReason.UNABLE
    assert "cucm-1/CTLFile.tlv.new: cannot be written: No space left on device" in text
    assert content(site.root) == before
    with drafting(site.root):
        pass


def test_a_commit_needs_no_space(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    ctl = first_ctl(site.root)
    site.publisher.answer(SetMode(True))
    for visit in (site.subscriber, site.publisher):
        visit.answer(site.save(ctl))
    real = os.open

    def full(path: str, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_CREAT:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return real(path, flags, mode)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", full)
        assert site.subscriber.answer(Commit(ONE)) == Committed()
        assert site.publisher.answer(Commit(ONE)) == Committed()
    assert held(site.root) == [ctl, ctl]
    assert read_cluster(site.root).mixed_mode


def test_a_death_in_the_publishers_commit_leaves_both_files_or_none(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal decides: mode and CTL change together."""
    ctl = first_ctl(site.root)
    site.publisher.answer(SetMode(True))
    site.publisher.answer(site.save(ctl))
    rename = Path.replace
    renamed: list[str] = []

    class Died(BaseException):
        pass

    def replace(path: Path, target: Path) -> None:
        if len(renamed) == 2:
            raise Died
        renamed.append(target.name)
        rename(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", replace)
        with pytest.raises(Died):
            site.publisher.answer(Commit(ONE))
    assert renamed == [JOURNAL, "cluster.toml"]
    with drafting(site.root):
        pass  # whoever comes next finishes it
    assert held(site.root) == [ctl, None]
    assert read_cluster(site.root).mixed_mode
