from __future__ import annotations

import platform
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path

import pytest

from loopline.environments.lock import Distribution, Lock, digest
from loopline.environments.restore import MARKER, explain, requirements, restore
from loopline.errors import Conflict, Invalid, NotFound, Unavailable
from loopline.nouns.progress import Progress

from .wheels import only, small


def lock(*distributions: Distribution, python: str | None = None) -> Lock:
    """Give a lock for this machine."""
    running = python or platform.python_version()
    return Lock(running, sys.implementation.name, sysconfig.get_platform(), tuple(sorted(distributions)))


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder of two small wheels as the only place that pip is told of."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name in ("alpha", "beta"):
        small(folder, name, f"NAME = '{name}'\n")
    only(folder, monkeypatch)
    return folder


ALPHA, BETA = Distribution("alpha", "1.0"), Distribution("beta", "1.0")


def run(python: Path, code: str) -> str:
    """Run code in a restored environment."""
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True, cwd="/").stdout.strip()


@pytest.mark.slow
def test_an_environment_is_made_and_works(wheels: Path, tmp_path: Path) -> None:
    """Exactly what the lock lists can be imported, loopline among it, from an isolated environment."""
    wanted = lock(ALPHA, BETA, Distribution("loopline", "0.1.0", "editable"))
    seen: list[Progress] = []
    made = restore(wanted, tmp_path / "env", report=seen.append)
    assert made.made
    assert made.left_out == ()
    code = "import alpha, beta, loopline, sys; print(alpha.NAME, beta.NAME, loopline.__version__, sys.prefix)"
    assert run(made.python, code) == f"alpha beta 0.1.0 {tmp_path / 'env'}"
    found = run(
        made.python, "from importlib.metadata import distributions; print(sorted(d.name for d in distributions()))"
    )
    assert found == "['alpha', 'beta', 'loopline']"
    assert (seen[0].done, seen[-1].done, seen[-1].total) == (0, 3, 3)


@pytest.mark.slow
def test_the_second_time_nothing_happens(wheels: Path, tmp_path: Path) -> None:
    """The same lock into the same folder is there at once, also with no index to be found."""
    first = restore(lock(ALPHA), tmp_path / "env")
    time = first.python.lstat().st_mtime_ns
    for one in wheels.iterdir():
        one.unlink()
    again = restore(lock(ALPHA), tmp_path / "env")
    assert (again.made, again.digest, again.python.lstat().st_mtime_ns) == (False, first.digest, time)


@pytest.mark.slow
def test_a_package_that_is_not_there_is_named(wheels: Path, tmp_path: Path) -> None:
    """A missing name or version is NotFound with its name, and nothing is left behind."""
    for missing in (Distribution("gamma", "1.0"), Distribution("beta", "9.9")):
        with pytest.raises(NotFound) as caught:
            restore(lock(ALPHA, missing), tmp_path / "env")
        assert caught.value.kind == "package-missing"
        assert (caught.value.facts["package"], caught.value.facts["version"]) == (missing.name, missing.version)
        assert [one.name for one in tmp_path.iterdir() if "env" in one.name] == [".env.lock"]


@pytest.mark.slow
def test_an_index_that_does_not_answer_is_unavailable(
    wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refused connection says so, with a next step, and without the address."""
    monkeypatch.setenv("PIP_INDEX_URL", "http://ann:secret@127.0.0.1:9")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with pytest.raises(Unavailable) as caught:
        restore(lock(Distribution("gamma", "1.0")), tmp_path / "env")
    assert caught.value.kind == "no-network"
    assert "127.0.0.1:9" not in str(caught.value.facts) + caught.value.message
    assert "secret" not in str(caught.value.facts)


@pytest.mark.slow
def test_what_an_interrupt_leaves_is_taken_away(wheels: Path, tmp_path: Path) -> None:
    """Ctrl-C while it works: no half environment, and the next restore succeeds."""

    def interrupt(progress: Progress) -> None:
        if progress.done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore(lock(ALPHA), tmp_path / "env", report=interrupt)
    assert not (tmp_path / "env").exists()
    assert not (tmp_path / ".env.making").exists()
    assert restore(lock(ALPHA), tmp_path / "env").made


@pytest.mark.slow
def test_what_a_kill_leaves_is_made_anew(wheels: Path, tmp_path: Path) -> None:
    """A half-made folder of a dead process is removed, not completed."""
    half = tmp_path / ".env.making"
    half.mkdir()
    half.joinpath("stale").write_text("half")
    made = restore(lock(ALPHA), tmp_path / "env")
    assert made.made
    assert not tmp_path.joinpath("env", "stale").exists()


@pytest.mark.slow
def test_two_processes_make_one_environment(wheels: Path, tmp_path: Path) -> None:
    """Both succeed, and exactly one of them made it."""
    script = textwrap.dedent("""
        import platform, sys, sysconfig; from pathlib import Path
        from loopline.environments.lock import Distribution, Lock
        from loopline.environments.restore import restore
        here = (platform.python_version(), sys.implementation.name, sysconfig.get_platform())
        print(restore(Lock(*here, (Distribution("alpha", "1.0"),)), Path(sys.argv[1])).made)
    """)
    command = [sys.executable, "-c", script, str(tmp_path / "env")]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = sorted(one.communicate(timeout=60)[0].strip() for one in both)
    assert said == ["False", "True"]


def test_a_folder_with_something_else_is_not_touched(tmp_path: Path) -> None:
    """Neither a user's folder nor another environment is written over."""
    taken = tmp_path / "env"
    taken.mkdir()
    taken.joinpath("mine.txt").write_text("keep")
    for marker in (None, "sha256:" + "0" * 64):
        if marker:
            taken.joinpath(MARKER).write_text(f"{marker}\n")
        with pytest.raises(Conflict) as caught:
            restore(lock(), taken)
        assert caught.value.kind == "environment-taken"
    assert taken.joinpath("mine.txt").read_text() == "keep"


def test_another_platform_is_refused() -> None:
    """An environment of another machine is named so before anything is made."""
    with pytest.raises(Invalid) as caught:
        restore(Lock("3.11.7", "cpython", "win-arm64", ()), Path("/tmp/never-made-by-this-test"))
    assert caught.value.kind == "other-platform"


def test_a_python_that_is_not_there_is_named() -> None:
    """The error says which, and how to get it."""
    error = explain(
        "error: No interpreter found for Python 3.9.2 in managed installations", lock(python="3.9.2"), "venv"
    )
    assert (error.kind, error.facts["python"]) == ("python-missing", "3.9.2")
    assert "3.9.2" in error.hint


def test_what_has_no_registry_is_left_out_by_name(tmp_path: Path) -> None:
    """Pinned lines, direct references, and what came from a folder of one machine."""
    wanted = lock(
        ALPHA,
        Distribution("vcs", "1.0", "vcs", "git+https://example.org/vcs@9f3c"),
        Distribution("local", "1.0", "editable"),
        Distribution("flights", "0.1", "editable", "", project=True),
    )
    lines, local = requirements(wanted)
    assert lines == ["alpha==1.0", "vcs @ git+https://example.org/vcs@9f3c"]
    assert [one.name for one in local] == ["flights", "local"]
    assert digest(wanted) != digest(lock(ALPHA))


def test_a_place_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    """A file where a folder should be is named, with a next step."""
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(Unavailable) as caught:
        restore(lock(), file / "env")
    assert caught.value.kind == "not-writable"
