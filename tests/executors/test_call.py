"""Finding and calling a job's function."""

from __future__ import annotations

import pytest

from loopline.executors.call import MAX_ERROR, MAX_TRACE, headline, perform

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
    _, _, _, trace = perform(f"{JOBS}:raises", b"x" * 10**6)
    assert len(trace) < MAX_TRACE + 200
    assert trace.startswith("Traceback")
    assert "characters left out here" in trace


def test_what_goes_through_is_raised() -> None:
    """Only what the caller named passes."""
    with pytest.raises(SystemExit):
        perform(f"{JOBS}:leaves", b"", through=(SystemExit,))
