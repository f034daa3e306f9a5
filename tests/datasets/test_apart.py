from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from loopline.datasets import apart as module
from loopline.datasets.apart import apart
from loopline.errors import Invalid, Unavailable


def test_an_error_arrives_as_it_was(tmp_path: Path) -> None:
    """Class, kind and facts cross from one process to the other."""
    ragged = tmp_path / "t.csv"
    ragged.write_text("a,b\n1\n")
    with pytest.raises(Invalid) as error:
        apart("profile", {"paths": [str(ragged)]}, scratch=tmp_path)
    assert (error.value.kind, error.value.facts["line"]) == ("ragged-rows", 2)


def test_who_takes_too_long_is_ended(tmp_path: Path) -> None:
    """A process that does not answer in time is killed, and that is said."""
    with pytest.raises(Unavailable) as error:
        apart("profile", {"paths": []}, scratch=tmp_path, seconds=0.001)
    assert error.value.kind == "tables-too-slow"


def test_a_process_that_dies_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever kills it, this process lives on and says so."""
    monkeypatch.setattr(module, "_START", "import os; os.kill(os.getpid(), 9)")
    with pytest.raises(Unavailable) as error:
        apart("profile", {"paths": []}, scratch=tmp_path)
    assert (error.value.kind, error.value.facts["status"]) == ("tables-died", -9)


def test_an_answer_without_end_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks holds an answer in memory, so one that is too long is not sent."""
    monkeypatch.setattr(module, "_START", "from loopline.datasets import apart; apart._ANSWER = 10; apart.main()")
    with pytest.raises(Unavailable) as error:
        apart("profile", {"paths": []}, scratch=tmp_path)
    assert error.value.kind == "tables-died"


def test_it_has_limits_and_none_of_our_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory, processor time and core files are bounded before a file is opened; what our environment holds is not there."""
    look = (
        "import json, os, resource, sys; from loopline.datasets import apart; apart._limit(json.load(sys.stdin)['seconds']); "
        "print(json.dumps({'answer': [[resource.getrlimit(one)[1] for one in "
        "(resource.RLIMIT_CORE, resource.RLIMIT_AS, resource.RLIMIT_CPU)], 'SECRET' in os.environ]}))"
    )
    monkeypatch.setattr(module, "_START", look)
    monkeypatch.setenv("SECRET", "x")
    (core, addresses, seconds), told = apart("profile", {}, scratch=tmp_path, seconds=20)
    assert (core, told) == (0, False)
    assert addresses <= 6 << 30
    assert 20 < seconds < 20 * 1025


def test_a_question_for_more_memory_than_there_is_ends_there(tmp_path: Path) -> None:
    """The limit of addresses holds for the process that asks, as it begins."""
    code = (
        "from loopline.datasets import apart; apart._ADDRESSES = 1 << 30; apart._limit(5)\n"
        "try: bytearray(2 << 30)\nexcept MemoryError: print('bounded')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "bounded", json.dumps(done.stderr)
