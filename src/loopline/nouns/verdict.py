"""verdict: the answer of a check, and of a requirement."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from loopline.nouns.digest import Digest
from loopline.nouns.evaluation import Estimate
from loopline.nouns.expectation import Observation


class Result(StrEnum):
    """What a check or a requirement says. ERROR: it could not be answered; never read it as a pass."""

    PASS = "pass"
    FAIL = "fail"
    PENDING = "pending"
    ERROR = "error"


Lack = Literal["", "evidence", "approval"]
"""The answer of a check that can be run, or a yes of somebody."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one check said about one head."""

    check: str
    """`eval/holdout`."""
    head: Digest
    result: Result
    run: str | None
    """The run that gave it; while it is pending the one that is waited for, which may not have begun."""
    at: int
    summary: str = ""
    estimates: tuple[Estimate, ...] = ()
    """What the check measured, paired with the base where it had one."""
    observations: tuple[Observation, ...] = ()
    """What it expected and how that stands, where it is looked at by itself: the evaluation of its run has them."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One line of a policy, as it stands for one change."""

    policy: str
    """The policy's name."""
    text: str
    """The requirement as written: `roc_auc >= base - 0.005`."""
    result: Result
    observed: str = ""
    needed: str = ""
    remedy: str = ""
    """Who or what can turn it into a pass."""
    lacks: Lack = ""
    """What can be given on the spot, where that is all that it takes."""
