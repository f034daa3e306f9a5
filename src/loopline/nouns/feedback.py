"""feedback: what a person, a program or a model says about a trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

FeedbackKind = Literal["feedback", "expectation", "issue"]
"""How good it was, how it should have been, or which known trouble it shows."""
KINDS: Final[tuple[FeedbackKind, ...]] = ("feedback", "expectation", "issue")


@dataclass(frozen=True, slots=True)
class Feedback:
    """One such word."""

    id: str
    trace: str
    kind: FeedbackKind
    name: str
    value: Any = None
    """A value of JSON."""
    error: Mapping[str, str] | None = None
    """Why there is no value: code, message, stack."""
    source_kind: str = ""
    """HUMAN, LLM_JUDGE, CODE."""
    source: str = ""
    """Who said it."""
    rationale: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    span: str | None = None
    """The span that it is about; None: the whole."""
    run: str | None = None
    """The run that found it out."""
    overrides: str | None = None
    """Id of an earlier word that it replaces."""
    valid: bool = True
    """Whether no other replaces it."""
    created_at: int = 0
    """Microseconds since the epoch, UTC."""
    updated_at: int = 0
