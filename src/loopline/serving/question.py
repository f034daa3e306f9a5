"""question: what is asked of a service and what it answers, in no protocol's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Given(NamedTuple):
    """One input of all rows of a question, as it came."""

    name: str
    type: str
    """Datatype; empty: as the JSON values say."""
    width: int
    """Values for each row: 1 for a column, k for a matrix of k columns."""
    data: Any
    """A flat list of JSON values, or the raw little-endian bytes of `type`."""


class Made(NamedTuple):
    """One output, for all rows of a question."""

    name: str
    type: str
    tail: tuple[int, ...]
    """Shape behind the rows."""
    data: Any
    """Raw little-endian bytes, or a list of texts for BYTES."""


@dataclass(slots=True)
class Question:
    """One request: some rows, and what is wanted of them."""

    id: str
    rows: int
    columns: Sequence[Given]
    outputs: tuple[str, ...] = ()
    """Empty: what the service answers by itself."""
    version: str = ""
    """Number of the model's version that must answer; empty: whoever the split says."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    """Those that the service looks at, in lower case."""


@dataclass(slots=True)
class Answer:
    """What the models said about each row of a question."""

    id: str
    rows: int
    made: Sequence[Made]
    arms: Sequence[str]
    """Who answered: one name, or one for each row where several did."""
    stamp: Mapping[str, str]
    """Artifact, run, change, version, arm: where the answer comes from."""
    warnings: Sequence[str] = ()
