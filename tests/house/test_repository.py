"""What must not be in the repository, and what must."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tests.house.source import ROOT, source, tracked_files

# Written with a class around one letter, so that this file does not match itself.
MACHINE = re.compile(
    r"/[w]ork/|/[r]oot/|/[h]ome/(?!ann/)[a-z]+/|/[U]sers/(?!ann/)[a-z]+/|file:///[a-z]|https?://[^\s\"'<>]*/[s]imple\b|[i]ndex-url|[f]ind-links"
)
UNFINISHED = re.compile(r"\b([T]ODO|[F]IXME|[X]XX)\b|raise [N]otImplementedError\b")
SECRET = re.compile(r"[A]KIA[0-9A-Z]{16}|[g]hp_[A-Za-z0-9]{36}|-----[B]EGIN [A-Z ]*PRIVATE KEY")


def texts() -> list[tuple[Path, str]]:
    """Every tracked file that is text."""
    found = []
    for path in tracked_files():
        data = path.read_bytes()
        if b"\0" not in data:
            found.append((path.relative_to(ROOT), data.decode("utf-8", errors="replace")))
    return found


def test_no_file_names_a_machine_or_a_registry() -> None:
    """A clone works anywhere: no absolute path of somebody's machine, no address of somebody's package index."""
    assert hits(MACHINE) == []


def test_no_file_holds_a_secret() -> None:
    """Keys and tokens are references, never values."""
    assert hits(SECRET) == []


def test_the_product_has_no_unfinished_part() -> None:
    """What is not there yet is not there at all: no stubs and no notes to self."""
    stubs = [
        f"{file}:{number} {line.strip()}"
        for file in source()
        if file.package != "testing"  # a suite leaves its fixture to whoever uses it
        for number, line in enumerate(file.lines, start=1)
        if UNFINISHED.search(line)
    ]
    assert stubs == []


def test_no_tracked_file_is_large() -> None:
    """Data comes from where it lives: no file is larger than 1 MB."""
    assert [path.name for path in tracked_files() if path.stat().st_size > 1_000_000] == []


def test_the_checks_of_a_new_machine_can_run() -> None:
    """.ci/run is a program and goes through the same two commands as everybody."""
    run = ROOT / ".ci" / "run"
    assert os.access(run, os.X_OK)
    text = run.read_text(encoding="utf-8")
    assert "make check" in text
    assert "make test" in text


def test_constraints_are_names_and_versions_only() -> None:
    """Each line of constraints.txt pins one version and carries no address."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert [line for line in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line)] == []
    assert len(pins) > 20


def hits(pattern: re.Pattern[str]) -> list[str]:
    """Where a pattern occurs, as path:line text."""
    return [
        f"{path}:{number} {line.strip()[:160]}"
        for path, text in texts()
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]
