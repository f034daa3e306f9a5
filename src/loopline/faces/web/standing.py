"""standing: where a change stands, arranged for its page: what holds, what helps, and who can give it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from loopline.access.roles import PREFIX, RANKS
from loopline.nouns.verdict import Result

if TYPE_CHECKING:
    from loopline.nouns.about import About
    from loopline.nouns.change import Change
    from loopline.nouns.comparison import Review
    from loopline.nouns.policy import Approvals
    from loopline.nouns.task import Task
    from loopline.nouns.verdict import Requirement

COMMAND: Final = "loopline "
ANSWERING: Final = tuple(f"{PREFIX}{rank}" for rank in RANKS[RANKS.index("approver") :])
"""Roles that may answer."""
PEOPLE: Final = 6
"""Names that are written out."""


class Help(NamedTuple):
    """A remedy: words, and the command that they end in; either may be empty."""

    words: str
    command: str = ""


NOTHING: Final = Help("")
BARRED: Final = (
    "You fired the trigger that proposed it: your yes does not count here.",
    "You proposed it: your yes does not count here.",
)
"""What is said to whose yes does not count: to who fired the trigger, and to the author."""


@dataclass(frozen=True, slots=True)
class Row:
    """One requirement, with what helps where it does not hold."""

    asked: Requirement
    help: Help = NOTHING
    people: tuple[str, ...] = ()
    """Who can give it, as far as whoever looks may know."""
    more: int = 0
    """How many further people can."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a change stands, in a few words."""

    held: int
    lacks: tuple[Requirement, ...]
    rows: tuple[Row, ...]
    next: Help
    """What has to happen now; empty where nothing has."""
    unmeasured: Help | None = None
    """What helps every requirement that lacks evidence: said once, and not in their rows."""
    checking: bool = False
    """Whether a worker is at its checks, or will be."""
    barred: str = ""
    """Why a yes of whoever looks counts for nothing; empty where it may."""
    overrides: bool = False
    """Whether whoever looks may let it through although something lacks."""
    age: int | None = None
    """When the newest evidence came."""


def standing(review: Review, tasks: Sequence[Task], about: About | None, me: str) -> Standing:
    """Arrange what a review says. `about` is None where whoever looks may not know who is in which team."""
    change, lacks = review.change, tuple(one for one in review.requirements if one.result is not Result.PASS)
    held = len(review.requirements) - len(lacks)
    age = max((one.at for one in change.verdicts if one.result is not Result.PENDING), default=None)
    if change.state.over:
        return Standing(held, lacks, tuple(Row(one) for one in review.requirements), NOTHING, age=age)
    unmeasured = next((helped(one) for one in lacks if one.lacks == "evidence"), None)
    rules = _rules(review, about)
    rows = tuple(_row(one, rules.get(one.policy), about, change) for one in review.requirements)
    ways = [Help("Everything holds: it can be applied.")] if not lacks else [helped(one) for one in lacks if one.remedy]
    return Standing(
        held, lacks, rows, ways[0] if ways else NOTHING, unmeasured,
        checking=any(one.verb == "check" and not one.state.over for one in tasks),
        barred=BARRED[me == change.author] if _barred(rules.values(), change, me) else "",
        overrides=bool(lacks) and _overrides(review, about, me),
        age=age,
    )  # fmt: skip


def helped(one: Requirement) -> Help:
    """Tell the words of a remedy from the command in it."""
    words, found, rest = one.remedy.partition(COMMAND)
    return Help(words.strip(), COMMAND + rest) if found else Help(words.strip())


def _row(one: Requirement, rule: Approvals | None, about: About | None, change: Change) -> Row:
    if one.result is Result.PASS or one.lacks == "evidence":
        return Row(one)
    if rule is None or about is None or one.lacks != "approval":
        return Row(one, helped(one))
    people = _able(rule, about, change)
    return Row(one, helped(one), tuple(people[:PEOPLE]), max(0, len(people) - PEOPLE))


def _rules(review: Review, about: About | None) -> dict[str, Approvals]:
    """Give what the policies that speak here ask of answers, by their names."""
    names = {one.policy for one in review.requirements}
    return {one.name: one.approvals for one in about.policies if one.name in names and one.approvals} if about else {}


def _able(rule: Approvals, about: About, change: Change) -> list[str]:
    """Name who can give an approval and has not: members of the teams that are named, else who has the role for it."""
    if rule.source:
        known = {one for source in rule.source for one in about.teams.get(source, () if "/" in source else (source,))}
    else:
        known = {one for where in (about.teams, about.everywhere) for role in ANSWERING for one in where.get(role, ())}
    given = {one.actor for one in change.approvals if one.answer == "approve" and not one.stale}
    return sorted(
        one for one in known - given
        if not (rule.not_author and one in change.authors) and not (rule.humans_only and not one.startswith("person:"))
    )  # fmt: skip


def _overrides(review: Review, about: About | None, me: str) -> bool:
    """Tell whether every policy that speaks here names somebody in its override, or a team of theirs."""
    if about is None:
        return False
    names = {one.policy for one in review.requirements}
    mine = {
        me,
        *(team for teams in (about.teams, about.everywhere) for team, members in teams.items() if me in members),
    }
    return all(mine & set(one.override.by) for one in about.policies if one.name in names)


def _barred(rules: Iterable[Approvals], change: Change, me: str) -> bool:
    asked = list(rules)
    return me in change.authors and bool(asked) and all(one.not_author for one in asked)
