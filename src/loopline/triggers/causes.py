"""causes: whether something that happened is what a trigger waits for."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from loopline.nouns.severity import SEVERITIES
from loopline.nouns.trigger import OnAlert, OnMissing, OnMoved


def is_alert(on: OnAlert, told: Mapping[str, Any]) -> bool:
    """Tell whether an alert, as its event tells it, is waited for. A silenced one never is."""
    service, monitor, severity = (str(told.get(key, "")) for key in ("service", "monitor", "severity"))
    if told.get("silenced") or severity not in SEVERITIES:
        return False
    enough = SEVERITIES.index(severity) >= SEVERITIES.index(on.severity)
    return enough and (fnmatchcase(f"{service}/{monitor}", on.match) or fnmatchcase(service, on.match))


def is_move(on: OnMoved | OnMissing, ref: str) -> bool:
    """Tell whether it is this ref that is to move."""
    return fnmatchcase(ref, on.ref if isinstance(on, OnMoved) else on.expect)


def loops(chain: tuple[str, ...], name: str) -> str:
    """Say how a trigger would follow its own effect; empty where it does not."""
    if name not in chain:
        return ""
    return f"it would follow its own effect: {' → '.join((*chain[chain.index(name) :], name))}"
