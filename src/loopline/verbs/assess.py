"""assess: say how a practice stands that the ledger cannot see."""

from __future__ import annotations

from typing import Annotated, Literal

from loopline.errors import Invalid, Refused
from loopline.insights.practices import PRACTICES
from loopline.loop import Loop
from loopline.nouns.assessment import Assessment


def assess(
    loop: Loop,
    practice: Annotated[str, "its name, as loopline insights tells it: fairness"],
    answer: Annotated[Literal["no", "manual", "automated"], "whether you do it"],
    *,
    note: Annotated[str, "where it can be seen"] = "",
) -> Assessment:
    """Say whether your team does something that the ledger cannot see. It is kept with your name and the time.

    The newest answer counts. Where the ledger itself shows that it is automated, that counts.

    Example:
        loopline assess fairness manual --note "looked at by carrier every quarter"
    """
    if practice not in {one.name for one in PRACTICES}:
        from difflib import get_close_matches

        near = get_close_matches(practice, [one.name for one in PRACTICES], 1)
        raise Invalid(
            f"there is no practice {practice[:100]!r}", kind="no-practice",
            hint=f"did you mean {near[0]}?" if near else "loopline insights --practices", practice=practice[:100],
        )  # fmt: skip
    if not loop.actor.human:
        raise Refused(
            f"{loop.actor} cannot say what people do",
            kind="not-a-person",
            hint="let a person answer",
            actor=str(loop.actor),
        )
    with loop.ledger.write(loop.project, loop.actor) as tx:
        tx.projects.ensure(loop.project)
        made = tx.assessments.add(loop.project, Assessment(practice, answer, note, str(loop.actor), tx.now))
        tx.say("practice.assessed", practice, answer=answer, note=note)
    return made
