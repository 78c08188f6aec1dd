"""kill -9 of `secd boot`: a few times here, hundreds of times by `python -m fuzz.storms.kills`."""

from pathlib import Path

import pytest

from fuzz.storms.kills import kill_boots, look_at
from fuzz.storms.site import CTL, versions


def test_killed_boots_leave_whole_files_and_a_phone_that_boots(tmp_path: Path) -> None:
    killing = kill_boots(5, 3, tmp_path / "phone")
    assert killing.killed + killing.too_late == 5
    assert killing.completed == 1


def test_a_torn_file_would_be_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "phone"
    kill_boots(0, 1, folder)
    assert look_at(folder) == "old old old"
    (folder / CTL).write_bytes((folder / CTL).read_bytes()[:-1])
    with pytest.raises(AssertionError, match=r"CTLFile\.tlv is neither"):
        look_at(folder)
    assert versions()[0] != versions()[1]
