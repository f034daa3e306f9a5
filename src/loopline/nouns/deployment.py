"""deployment: a ref of a service, and how the processes behind it do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from loopline.nouns.service import Service

DeploymentState = Literal["waiting", "starting", "ready", "degraded", "failing", "stopping", "stopped"]


@dataclass(frozen=True, slots=True)
class Deployment:
    """What should run, and what does."""

    ref: str
    """`service/delay@prod`."""
    number: int | None
    """Version of the service that the ref names; None: it was undeployed."""
    change: str = ""
    """Id of the change that moved the ref there."""
    since: int = 0
    state: DeploymentState = "waiting"
    """waiting: no host has taken it; degraded: it answers, but not all of its processes live; failing: it does not answer."""
    serving: int | None = None
    """Version of the service that answers now: another than `number` for as long as the new one starts."""
    url: str = ""
    grpc: str = ""
    """`HOST:PORT` where it speaks gRPC; empty: nowhere."""
    rolls: str = ""
    """Id of the change whose new version can answer beside the one that the ref names; empty: none can."""
    host: str = ""
    """Machine and process that supervise it."""
    pids: tuple[int, ...] = ()
    restarts: int = 0
    message: str = ""
    """Why it is not ready."""
    seen_at: int | None = None
    """When its host last said so."""
    behind: tuple[str, ...] = ()
    """Models that have moved on since this was deployed: `model/delay@champion is 8, served is 7`. `deploy` again takes them."""
    service: Service | None = None
    """What it should serve, in whole, where one deployment is asked about; lists leave it out."""
