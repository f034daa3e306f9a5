"""Finding and calling a job's function."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import loopline
from loopline.executors.call import MAX_ERROR, MAX_TRACE, headline, perform, trace

JOBS = "loopline.testing.jobs"


def test_a_nested_name_is_found() -> None:
    """`module:Class.method` works as `module:function` does."""
    assert perform("builtins:bytes.upper", b"x") == ("returned", b"X", "", "")


@pytest.mark.parametrize("call", ["", ":", "loopline", "loopline:", f"{JOBS}:nothing", f"{JOBS}:echo.nothing", "..:x"])
def test_a_wrong_name_is_told(call: str) -> None:
    """No text in place of a call makes perform raise."""
    end, value, error, _ = perform(call, b"")
    assert (end, value) == ("raised", b"")
    assert error


def test_a_headline_is_one_short_line() -> None:
    """Long, many-lined and empty messages all give one line."""
    assert headline(ValueError("one\ntwo")) == "ValueError: one"
    assert headline(ValueError()) == "ValueError"
    assert len(headline(ValueError("x" * 10**6))) == MAX_ERROR


def test_a_long_trace_loses_its_middle() -> None:
    """A message of megabytes does not travel; its beginning and end do."""
    _, _, _, text = perform(f"{JOBS}:raises", b"x" * 10**6)
    assert len(text) < MAX_TRACE + 200
    assert text.startswith("Traceback")
    assert "characters left out here" in text


def test_a_trace_begins_in_the_jobs_own_code(tmp_path: Path) -> None:
    """Frames of Loopline between the worker and the user's function say nothing to the user; a defect of ours keeps all."""
    ours = compile("def call(one):\n    one()\n", str(Path(loopline.__file__).parent / "between.py"), "exec")
    theirs = compile("def one():\n    raise ValueError('nope')\n", str(tmp_path / "mine.py"), "exec")
    names: dict[str, Any] = {}
    exec(ours, names)
    exec(theirs, names)
    with pytest.raises(ValueError, match="nope") as caught:
        names["call"](names["one"])
    caught.value.with_traceback(caught.tb.tb_next)  # without this test's own frame
    assert "between.py" not in trace(caught.value)
    assert "mine.py" in trace(caught.value)
    with pytest.raises(TypeError) as defect:
        names["call"](None)
    defect.value.with_traceback(defect.tb.tb_next)
    assert "between.py" in trace(defect.value)


def test_what_goes_through_is_raised() -> None:
    """Only what the caller named passes."""
    with pytest.raises(SystemExit):
        perform(f"{JOBS}:leaves", b"", through=(SystemExit,))
