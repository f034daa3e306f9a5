"""Who asks, and what who may not learns: nothing."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest

from loopline.verbs.revoke import revoke
from tests.server.serving import Served

from .conftest import V2, Tracker


def basic(name: str, password: str) -> dict[str, str]:
    return {"authorization": "Basic " + b64encode(f"{name}:{password}".encode()).decode()}


def test_a_token_is_a_password_or_a_bearer(tmp_path: Path) -> None:
    """Whatever the name; what is done is done by the token's actor."""
    tracker = Tracker(Served(tmp_path))
    tracker.served.token("root", "admin", everywhere=True)
    secret = tracker.served.token("ann", "contributor").secret
    for how in (basic("ann", secret), basic("anything", secret), {"authorization": f"Bearer {secret}"}):
        made = tracker.say("POST", "runs/create", {"start_time": 1}, **how)
        with tracker.served.loop.ledger.read() as tx:
            assert tx.runs.get(made["run"]["info"]["run_id"]).actor == "person:ann"
    assert tracker.ask("GET", "/version").status_code == 200
    tracker.served.close()


@pytest.mark.parametrize(
    "how", [{}, basic("ann", "guess"), {"authorization": "Basic !!"}, {"authorization": "Bearer x"}]
)
def test_a_stranger_learns_nothing(tmp_path: Path, how: dict[str, str]) -> None:
    """Neither what is there nor what is not, but how to sign in."""
    tracker = Tracker(Served(tmp_path))
    admin = basic("root", tracker.served.token("root", "admin", everywhere=True).secret)
    tracker.say("POST", "experiments/create", {"name": "secret"}, **admin)
    for path in ("secret", "nothing"):
        answer = tracker.ask("GET", "experiments/get-by-name", {"experiment_name": path}, **how)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Basic")
        assert answer.json()["error_code"] == "UNAUTHENTICATED"
    tracker.served.close()


def test_who_may_read_may_not_write(tmp_path: Path) -> None:
    """A viewer is refused, and a token that was revoked is nobody's."""
    tracker = Tracker(Served(tmp_path))
    admin = basic("root", tracker.served.token("root", "admin", everywhere=True).secret)
    run = tracker.say("POST", "runs/create", {"start_time": 1}, **admin)["run"]["info"]["run_id"]
    issued = tracker.served.token("vic", "viewer")
    me = basic("vic", issued.secret)
    assert tracker.ask("GET", "runs/get", {"run_id": run}, **me).status_code == 200
    for path, body in (
        ("runs/set-tag", {"run_id": run, "key": "a", "value": "b"}), ("experiments/create", {"name": "x"}),
        ("runs/delete", {"run_id": run}), ("runs/log-metric", {"run_id": run, "key": "a", "value": 1, "timestamp": 1}),
    ):  # fmt: skip
        assert tracker.refused("POST", path, body, **me)[:2] == (403, "PERMISSION_DENIED")
    revoke(tracker.served.loop, issued.token.id)
    assert tracker.served.ask("GET", f"{V2}/runs/get?run_id={run}", headers=me).status_code == 401
    tracker.served.close()
