"""imported: what was brought from another system that keeps versions."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Imported:
    """A repository of another system, as versions of an asset."""

    source: str
    """Where it lies."""
    asset: str
    commits: int
    """How many became versions now, or would."""
    known: int
    """How many were versions already."""
    branches: tuple[str, ...] = ()
    """Those that stand where they stand there."""
    tags: tuple[str, ...] = ()
    objects: int = 0
    """How many objects were read."""
    bytes: int = 0
    waiting: tuple[str, ...] = ()
    """Refs that did not move, each with the reason: a policy, versions of their own, another version of that name."""
    left: tuple[str, ...] = ()
    """What stays there: paths that were left out, branches with uncommitted objects."""
    dry: bool = False
    """Whether this is only what would be brought."""
