"""Whoever sets up a receiver hears whether it can be called, before any event."""

from __future__ import annotations

import threading

import pytest

from loopline.errors import Refused, Unavailable
from loopline.server.hosts import LOOPBACK, Hosts
from loopline.server.trying import MOST, Trial

from .receiving import receiving


def test_a_receiver_that_may_be_called_is_called_once() -> None:
    """And what came of it is told by its status."""
    with receiving() as receiver:
        trial = Trial(Hosts(LOOPBACK))
        trial.check(receiver.url)
        assert trial.post(receiver.url, b"{}", {"X-A": "b"}) == (204, "", None)
        assert [(one.body, one.headers["X-A"]) for one in receiver.letters] == [(b"{}", "b")]
        receiver.answer = lambda _: (302, {"Location": "http://127.0.0.1:1/"})
        assert trial.post(receiver.url, b"{}", {}).status == 302
        assert len(receiver.letters) == 2


def test_a_receiver_that_may_not_be_called_is_not() -> None:
    """However it is asked."""
    with receiving() as receiver:
        trial = Trial(Hosts(("*.example.org",)))
        with pytest.raises(Refused):
            trial.check(receiver.url)
        answer = trial.post(receiver.url, b"{}", {})
        assert (answer.status, receiver.letters) == (0, [])
        assert "LOOPLINE_WEBHOOK_HOSTS" in answer.error


def test_slow_receivers_hold_only_some_of_the_threads() -> None:
    """Whoever comes beyond that is told to wait, and each try ends by itself."""
    with receiving(lambda _: "hang") as receiver:
        trial = Trial(Hosts(LOOPBACK), timeout=0.6)
        threads = [threading.Thread(target=trial.post, args=(receiver.url, b"{}", {})) for _ in range(MOST)]
        for one in threads:
            one.start()
        receiver.wait(lambda: len(receiver.letters) == MOST)
        with pytest.raises(Unavailable):
            trial.post(receiver.url, b"{}", {})
        for one in threads:
            one.join(10)
        assert trial.post(receiver.url, b"{}", {}).error
