from __future__ import annotations

import errno
from pathlib import Path

import pytest

from loopline.datasets.inotify import COME, FOLDER, GONE, Inotify, is_full, tells_all


def test_a_change_is_there_when_its_call_has_returned(tmp_path: Path) -> None:
    """What was done to a folder can be read at once, in order, and nothing of what was not watched."""
    queue = Inotify()
    watch = queue.add(str(tmp_path))
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "deep").write_text("")
    (tmp_path / "é").write_text("1")
    (tmp_path / "é").unlink()
    events = list(queue.read())
    assert {event.watch for event in events} == {watch}
    assert list(dict.fromkeys(event.name for event in events)) == ["d", "é"]
    assert events[0].mask & COME
    assert events[0].mask & FOLDER
    assert events[-1].mask & GONE
    assert list(queue.read()) == []
    queue.remove(watch)
    (tmp_path / "more").write_text("")
    assert [event.name for event in queue.read()] == [""]
    queue.close()


def test_what_cannot_be_watched_says_so(tmp_path: Path) -> None:
    """A file, a link and what is not there are no folders; a limit of the system is told from that."""
    queue = Inotify()
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(".")
    for name in ("file", "link", "none"):
        with pytest.raises(OSError, match=r"ot a directory|o such file") as caught:
            queue.add(str(tmp_path / name))
        assert not is_full(caught.value)
    assert is_full(OSError(errno.ENOSPC, ""))
    queue.close()


def test_only_file_systems_of_this_machine_are_watched(tmp_path: Path) -> None:
    """What other machines may write, and what is no file system of files, is not."""
    assert tells_all(str(tmp_path))
    assert not tells_all("/proc")
    assert not tells_all(str(tmp_path / "none"))
