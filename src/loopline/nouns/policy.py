"""policy: what must hold before a ref may move."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Approvals:
    """Who has to agree."""

    count: int = 1
    source: tuple[str, ...] = ()
    """Teams (`team/ml-leads`) or actors (`person:ann`) whose answer counts; empty: anybody's."""
    not_author: bool = True
    humans_only: bool = True
    verified: bool = False
    """Whether only identities count that somebody vouches for. Embedded ones never are."""


@dataclass(frozen=True, slots=True)
class Soak:
    """How long what is to move must have stood on another ref, and how many alerts it may have raised there."""

    on: str
    duration: timedelta
    max_alerts: int = 0
    """Counted are, since it stands there, alerts of monitors opened while the change which brought it there was in force, and
    incidents that blame that change."""


@dataclass(frozen=True, slots=True)
class OverrideRule:
    """Who may let a change through against the policy."""

    by: tuple[str, ...] = ()
    """Teams or actors; empty: nobody."""
    expires: timedelta = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class Policy:
    """All that is listed must hold; all policies whose globs match a ref apply to it."""

    name: str
    refs: tuple[str, ...]
    """Globs over `kind/name@ref`."""
    checks: tuple[str, ...] = ()
    """The newest verdict of each on this head must be a pass."""
    metrics: tuple[str, ...] = ()
    """Comparisons such as `roc_auc >= base - 0.005`, `slice(carrier).roc_auc >= 0.6`, `log_loss <= 0.5 confident`."""
    approvals: Approvals | None = None
    soak: Soak | None = None
    freshness: timedelta | None = None
    """How old a verdict may be."""
    forbid_pickle: bool = False
    """Whether a model that can only be loaded by unpickling is refused."""
    override: OverrideRule = field(default_factory=OverrideRule)
