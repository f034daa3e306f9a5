"""errors: what went wrong, told apart by what the caller does next.

Five classes and no more. A class says what to do; `kind` says what happened, in a word that never changes its meaning;
`facts` carry the values; `hint` is one next step. Tests look at class, kind and facts, never at wording.
"""

from __future__ import annotations

from typing import Any


class LooplineError(Exception):
    """Anything Loopline raises on purpose."""

    def __init__(self, message: str, *, kind: str, hint: str = "", **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.hint = hint
        self.facts = facts

    def __str__(self) -> str:
        """Give the message alone: faces and the CLI place hint and facts themselves."""
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep kind, hint and facts when the error crosses a process."""
        return _rebuild, (type(self), self.message, self.kind, self.hint, self.facts)


def _rebuild(cls: type[LooplineError], message: str, kind: str, hint: str, facts: dict[str, Any]) -> LooplineError:
    return cls(message, kind=kind, hint=hint, **facts)


class Invalid(LooplineError, ValueError):
    """The request makes no sense as it stands: fix it, then send it again."""


class NotFound(LooplineError, LookupError):
    """Nothing has that name: check the name."""


class Conflict(LooplineError):
    """Somebody else was faster: read again, then retry."""


class Refused(LooplineError):
    """A rule or a permission says no: ask someone, or fix the change."""


class Unavailable(LooplineError):
    """Something that is needed does not answer: wait, mend it, retry."""
