"""monitored: a monitor of a deployment, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from loopline.nouns.alert import Alert, Silence
from loopline.nouns.look import Watch
from loopline.nouns.service import Monitor

Stand = Literal["firing", "bad", "undecided", "waiting", "good"]


@dataclass(frozen=True, slots=True)
class Monitored:
    """One monitor of what a ref serves."""

    service: str
    """`service/delay@prod`."""
    number: int
    """Version of the service that declares it."""
    change: str
    """Id of the change in force."""
    since: int
    """When that was applied."""
    monitor: Monitor
    stand: Stand
    """firing: it has an open alert; bad: it looked bad, not yet often enough; undecided: there was too little to look at;
    waiting: it has not looked yet."""
    watch: Watch | None = None
    """Its last look and what it counts; None: it has not looked yet."""
    looked_at: int | None = None
    """End of the newest window it has looked at."""
    alert: Alert | None = None
    silence: Silence | None = None
    """One that speaks of it now."""
