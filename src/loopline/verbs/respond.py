"""respond: say how something was, without a name."""

from __future__ import annotations

from typing import Annotated, Final

from loopline.access.roles import EVERYWHERE
from loopline.errors import Invalid, Refused
from loopline.insights.survey import QUESTIONS, period, running
from loopline.insights.survey import question as find_question
from loopline.ledger.ledger import Tables
from loopline.loop import Loop
from loopline.nouns.response import Response

ASKED: Final = ("contributor", "approver", "maintainer", "admin")
"""Roles of those who are asked."""
_SECRET: Final = 32


def respond(
    loop: Loop,
    question: Annotated[
        str, "test-speed, local-change, understanding, focus, goals, delivery; review-ok, pipeline-ok, docs-ok"
    ],
    value: Annotated[int, "1 to 5, the more the better; for those that end in -ok 1 (no) or 2 (yes)"],
) -> Response:
    """Answer a question of the survey: once in a quarter, those that end in -ok once in a month. Saying it again replaces it.

    It is no event of the feed, and it is kept without your name: `loopline insights` tells what five people or more have said,
    when the period is over. Only people are asked: those with a role here, where anybody has one.

    Example:
        loopline respond delivery 4
    """
    asked = find_question(question)
    if asked is None:
        raise Invalid(
            f"there is no question {question!r}", kind="no-question",
            hint=f"choose from {', '.join(one.name for one in QUESTIONS)}", question=question,
        )  # fmt: skip
    if not 1 <= value <= len(asked.scale):
        meaning = ", ".join(f"{number} {text}" for number, text in enumerate(asked.scale, 1))
        raise Invalid(
            f"{value} is no answer to {question}", kind="bad-answer", hint=f"give {meaning}", most=len(asked.scale)
        )
    if not loop.actor.human:
        raise Refused(
            f"{loop.actor} is not asked: the survey is for people", kind="not-a-person", hint="let a person answer",
            actor=str(loop.actor),
        )  # fmt: skip
    with loop.ledger.telemetry() as tx:
        members = people(tx, loop.project)
        if members and str(loop.actor) not in members:
            raise Refused(
                f"{loop.actor} has no role in {loop.project}, so that nobody asked", kind="not-asked",
                hint="loopline grant NAME role/contributor", actor=str(loop.actor),
            )  # fmt: skip
        when = period(asked, tx.now)
        tx.responses.forget(loop.project, running(tx.now))
        replaced = tx.responses.put(
            loop.project, question, when, who=str(loop.actor), value=value, chance=loop.ids.chance(_SECRET)
        )
    return Response(question, when, replaced)


def people(tx: Tables, project: str) -> frozenset[str]:
    """Give the people who contribute to a project, by a role there or everywhere."""
    found = {who for home in (project, EVERYWHERE) for role in ASKED for who in tx.teams.holders(home, f"role/{role}")}
    return frozenset(who for who in found if who.startswith("person:") and not tx.people.disabled(who))
