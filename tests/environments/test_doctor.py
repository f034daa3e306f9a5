from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

from loopline.environments import doctor
from loopline.environments.doctor import (
    check_clock,
    check_containers,
    check_disk,
    check_extra,
    check_file_system,
    check_folder,
    check_git,
    check_gpu,
    check_port,
    check_python,
    check_secrets,
    check_sqlite,
    examine,
)
from loopline.nouns.finding import Finding
from tests.mounting import mounted

if TYPE_CHECKING:
    import pytest


def test_this_machine_is_looked_at_as_a_whole(tmp_path: Path) -> None:
    """Every check gives a finding with a name of its own, and nothing stays behind."""
    found = examine(tmp_path / "not" / "there", project=tmp_path, now=time.time())
    names = [one.name for one in found]
    assert len(set(names)) == len(names)
    assert {
        "python",
        "sqlite",
        "git",
        "uv",
        "folder",
        "disk",
        "file system",
        "clock",
        "secrets",
        "extra sklearn",
    } <= set(names)
    assert all(one.fix for one in found if one.state != "ok")
    assert [one for one in found if one.state == "fail"] == []
    assert list(tmp_path.iterdir()) == []


def test_old_versions_are_found() -> None:
    """Python before 3.11 and SQLite before 3.51.3 fail; an old git is a warning."""
    assert check_python((3, 10, 9)).state == "fail"
    assert check_python((3, 11, 0)).state == "ok"
    assert check_sqlite("3.51.2").state == "fail"
    assert check_sqlite("3.51.3").state == "ok"
    assert check_sqlite("3.100.0").state == "ok"
    assert check_git("git version 2.17.1").state == "warn"
    assert check_git("git version 2.39.5 (Apple Git-154)").text == "git 2.39.5"


def test_free_space_is_weighed(tmp_path: Path) -> None:
    """Little is a warning, next to nothing a failure."""
    assert [check_disk(tmp_path, free=free).state for free in (50 << 20, 1 << 30, 50 << 30)] == ["fail", "warn", "ok"]


def test_a_folder_that_cannot_be_written_is_found(tmp_path: Path) -> None:
    """A read-only folder fails, for the superuser as for everybody."""
    with mounted(tmp_path / "there", "-t", "tmpfs", "-o", "ro", "tmpfs"):
        assert check_folder(tmp_path / "there").state == "fail"


def test_a_folder_that_is_not_there_cannot_be_written(tmp_path: Path) -> None:
    """The finding names the folder and gives a command."""
    found = check_folder(tmp_path / "none")
    assert (found.state, bool(found.fix)) == ("fail", True)


def test_a_file_system_without_rename_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where replacing a file fails, durability cannot be promised."""

    def refuse(self: Path, target: Path) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(Path, "replace", refuse)
    assert check_file_system(tmp_path).state == "fail"


def test_clocks_that_differ_are_found(tmp_path: Path) -> None:
    """An hour between the wall clock and the one that dates files is a warning, either way."""
    assert check_clock(tmp_path, time.time()).state == "ok"
    assert "behind" in check_clock(tmp_path, time.time() + 3600).text
    assert "ahead" in check_clock(tmp_path, time.time() - 3600).text


def test_secrets_that_others_read_are_found(tmp_path: Path) -> None:
    """A .env with mode 644 is a warning with the command that closes it; with 600 it is fine."""
    path = tmp_path / ".env"
    path.write_text("TOKEN=1")
    path.chmod(0o644)
    found = check_secrets(tmp_path)
    assert found.state == "warn"
    assert found.fix == f"chmod 600 '{path}'"
    path.chmod(0o600)
    assert check_secrets(tmp_path).state == "ok"


def test_a_port_that_is_taken_is_found() -> None:
    """Where somebody listens already, or nobody can, a warning names the way out; a free one is fine."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = check_port("127.0.0.1", port)
        assert (found.state, bool(found.fix)) == ("warn", True)
    assert check_port("127.0.0.1", port).state == "ok"
    assert check_port("127.0.0.1", 0).state == "ok"
    assert check_port("host.invalid", port).state == "warn"


def test_a_container_engine_has_to_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Having none is no fault; a command whose engine does not answer, or not in time, is a warning with the next step."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(doctor, "ENGINE", 0.5)
    assert (check_containers().state, "no docker" in check_containers().text) == ("ok", True)
    engine = tmp_path / "podman"
    for script, state in (("exit 0", "ok"), ("exit 1", "warn"), ("exec /bin/sleep 60", "warn"), ("", "warn")):
        engine.write_text(f"#!/bin/sh\n{script}\n" if script else "#!/no/such/interpreter\n")
        engine.chmod(0o755)
        found = check_containers()
        assert (found.state, "podman info" in found.fix) == (state, state == "warn"), script


def test_devices_are_counted(tmp_path: Path) -> None:
    """The devices of drivers are told; having none is no fault."""
    assert check_gpu(tmp_path).text == "none here"
    for name in ("nvidia0", "nvidia1", "nvidiactl"):
        (tmp_path / name).touch()
    assert check_gpu(tmp_path).text == "2 of NVIDIA"


def test_a_missing_extra_is_told_and_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is named, with the command that installs it."""
    monkeypatch.setattr(doctor, "EXTRAS", {"moon": ("sys", "no_such_module_here")})
    found = check_extra("moon")
    assert (found.state, found.fix) == ("ok", "pip install 'loopline[moon]'")
    assert "no_such_module_here" in found.text


def test_a_check_that_breaks_does_not_stop_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A git that cannot be run is a finding, and the rest is still looked at."""

    def broken() -> Finding:
        raise RuntimeError("no")

    monkeypatch.setattr(doctor, "check_git", broken)
    found = {one.name: one for one in examine(tmp_path)}
    assert found["git"].state == "warn"
    assert found["secrets"].state == "ok"
