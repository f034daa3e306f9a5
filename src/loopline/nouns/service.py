"""service: what is served, to the last byte: the canonical specification that a service version is.

Everything it needs is pinned by digest, so moving a ref back restores all of it: models, environments, configuration, monitors
and the profiles that these compare with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from loopline.nouns.digest import Digest
from loopline.nouns.rolling import Plan
from loopline.nouns.severity import Severity
from loopline.nouns.signature import Signature

MonitorKind = Literal["data", "drift", "quality", "service"]
UNIT = "unit"
EVENT_TIME = "event_time"
"""Names that a label may be joined by beside input columns."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One model that answers, or (a shadow) only listens."""

    name: str
    version: str
    """`model/delay@7`."""
    digest: Digest
    """Of that version's artifact."""
    follows: str = ""
    """The pointer that was declared, `model/delay@champion`: for people, and to tell when it has moved on."""
    run: str = ""
    """Id of the run that made it; empty: unknown."""
    environment: Digest | None = None
    """Lock of the packages that it was made with; None: unknown, so it runs with those of the host."""
    signature: Signature = field(default_factory=lambda: Signature((), ()))
    profile: Digest | None = None
    """What its inputs and answers looked like in training (nouns/profile.py); None: it was made without."""
    weight: int = 1
    """Share of the units: weight / sum of weights. 0: no traffic."""
    shadow: bool = False
    """Whether it gets a copy of every request, and its answers go to the records alone."""
    pickle: bool = False
    """Whether loading it unpickles: somebody has allowed that for this service."""


@dataclass(frozen=True, slots=True)
class Recording:
    """Which predictions are kept."""

    sample: float = 1.0
    """Share of the requests that are kept whole, chosen by the hash of their id; the others are only counted."""
    redact: tuple[str, ...] = ()
    """Columns of inputs and outputs that are never written down."""


@dataclass(frozen=True, slots=True)
class Batching:
    """How requests are put together."""

    rows: int = 64
    """Rows that a model is asked about at once, at most; a request of more rows goes alone."""
    wait: timedelta = timedelta()
    """How long a request waits for company while a model is free. While all are busy they gather anyway."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a service may take."""

    memory: int = 0
    """Bytes of resident memory of one model process, beyond which it is replaced; 0: no limit."""
    timeout: timedelta = timedelta(seconds=10)
    """How long a model may take for one batch before it counts as hanging and is replaced."""
    queue: timedelta = timedelta(seconds=1)
    """How long a request may be expected to wait before it is refused with 429."""
    rows: int = 100_000
    """Rows of one request."""
    body: int = 32 << 20
    """Bytes of one request."""


@dataclass(frozen=True, slots=True)
class Labels:
    """How truth is attached to predictions, and what is measured with it."""

    target: str = "label"
    """What the truth is called."""
    join: tuple[str, ...] = ()
    """Columns that name a prediction where its id is not at hand: inputs, `unit`, `event_time`."""
    score: str = ""
    """Output that is measured (`predict_proba`); empty: the first that fits."""
    positive: str = ""
    """The class that counts as 1, against all others; empty: the second of two. Of more than two none is: then an answer is
    right or wrong."""
    kind: Literal["", "binary", "classes", "regression"] = ""
    """Empty: what the model predicts says it, when the service is deployed."""
    metrics: tuple[str, ...] = ()
    """Empty: the usual ones of that kind (checks/names.py)."""
    slices: tuple[str, ...] = ()
    """Input columns by which quality is shown."""


@dataclass(frozen=True, slots=True)
class Monitor:
    """What is looked at again and again, and when it is an alert."""

    name: str
    kind: MonitorKind
    window: timedelta = timedelta(days=1)
    """How much of event time (recorded time for `service`) one look covers."""
    every: timedelta = timedelta(hours=1)
    """How often one looks, by the clock of what is looked at."""
    rows: int = 500
    """With fewer rows there is no verdict."""
    bounds: Mapping[str, float] = field(default_factory=dict)
    """What is allowed, by kind. drift: `effect` (0.1), `q` (0.01). data: `nulls`, `range`, `new` (shares of rows).
    quality: `METRIC` (worst value), or `METRIC_drop` (against what its training measured). service: `p50_ms`, `p99_ms`,
    `errors`, `saturation`."""
    columns: tuple[str, ...] = ()
    """Columns that are looked at; empty: all."""
    rise: int = 2
    """How many looks in a row must be bad before there is an alert."""
    clear: int = 2
    """How many looks in a row must be good before it is over."""
    severity: Severity = "medium"


LATENCIES_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Bounds by which answers are counted as they are given: an objective's bound is one of them, so that it is counted exactly."""


@dataclass(frozen=True, slots=True)
class Objectives:
    """What a service shall keep to, over a window. Rules for alerting are made of it."""

    window: timedelta = timedelta(days=30)
    availability: float = 0.0
    """Share of requests that are answered, or refused for what they asked; 0: none is wanted. 5xx and 429 are failures."""
    latency: float = 0.0
    """Share of answers that come within `within`; 0: none is wanted."""
    within: timedelta = timedelta(milliseconds=250)
    """One of LATENCIES_S."""


@dataclass(frozen=True, slots=True)
class Service:
    """The content of a service version."""

    name: str
    """`service/delay`."""
    arms: tuple[Arm, ...]
    unit: tuple[str, ...] = ()
    """Input columns (or one `header:NAME`) that name whom a prediction is about: the same unit always meets the same arm.
    Empty: every request is a unit of its own, as one is that does not say whom it is about."""
    event_time: str = ""
    """Input column, request parameter or `header:NAME` that tells when what is asked about happens; empty: now."""
    outputs: tuple[str, ...] = ()
    """What is answered where a request does not say; empty: all of the signature."""
    workers: int = 1
    """Processes for each arm."""
    recording: Recording = Recording()
    batching: Batching = Batching()
    limits: Limits = Limits()
    labels: Labels = Labels()
    monitors: tuple[Monitor, ...] = ()
    objectives: Objectives = Objectives()
    grpc: bool = False
    """Whether the protocol is spoken over gRPC, too, at a port of its own."""
    rollout: Plan | None = None
    """How this version takes over from the one before; None: at once."""
