from __future__ import annotations

import threading

import pytest

from loopline.store.behind import AHEAD, PIECE, Behind


@pytest.mark.parametrize("size", [1, PIECE // 3, PIECE, PIECE + 1])
def test_all_is_worked_on_in_order_on_another_thread(size: int) -> None:
    """Whatever the size of the chunks, the last one too."""
    chunks, seen, threads = [bytes([n]) * size for n in range(3 * AHEAD)], list[bytes](), set[int]()

    def work(chunk: bytes) -> None:
        seen.append(chunk)
        threads.add(threading.get_ident())

    with Behind(work) as behind:
        for chunk in chunks:
            behind.take(chunk)
    assert seen == chunks
    assert threads
    assert threading.get_ident() not in threads


def test_the_caller_is_told_what_goes_wrong_and_nothing_more_is_done() -> None:
    """At the next chunk or at the end; and a caller who waits for room is not left waiting."""
    seen = list[bytes]()

    def work(chunk: bytes) -> None:
        seen.append(chunk)
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"), Behind(work) as behind:
        for _ in range(10 * AHEAD):
            behind.take(bytes(PIECE))
    assert len(seen) == 1


def test_an_error_of_the_caller_is_the_one_that_is_told() -> None:
    """What was handed on before is done all the same, and the thread has ended."""
    seen = list[bytes]()
    with pytest.raises(ValueError, match="mine"), Behind(seen.append) as behind:
        behind.take(b"a")
        msg = "mine"
        raise ValueError(msg)
    assert seen == [b"a"]
    assert not [one for one in threading.enumerate() if one.name == "loopline-behind"]


def test_without_threads_it_works_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interpreter that ends takes no more of them."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError

    monkeypatch.setattr(threading.Thread, "start", refuse)
    seen = list[bytes]()
    with Behind(seen.append) as behind:
        behind.take(b"a")
        assert seen == [b"a"]
