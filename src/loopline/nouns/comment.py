"""comment: what somebody says about a change or an incident."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Comment:
    """One contribution to a discussion. It moves nothing and is no approval."""

    id: str
    change: str
    """Id of the change that it is about; empty where it is about an incident."""
    author: str
    body: str
    """Plain text; line breaks are kept."""
    at: int
    place: str = ""
    """What it is about, where that is less than the change: `model/delay@champion`, `flights.py:12`."""
    answers: str | None = None
    """The comment that this one answers."""
    edited_at: int | None = None
    deleted_at: int | None = None
    incident: str = ""
    """Id of the incident that it is about; empty where it is about a change."""
