"""silence: have nobody notified of some alerts for a while."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final

from loopline.errors import Invalid
from loopline.loop import Loop
from loopline.nouns.alert import Silence

LONGEST: Final = timedelta(days=90)
WIDEST: Final = 500
"""Characters of a glob."""


def silence(
    loop: Loop,
    match: Annotated[str, "glob over service/NAME@REF/MONITOR: service/delay@prod/*"],
    *,
    why: Annotated[str, "for whoever wonders why it is quiet"],
    lasting: Annotated[timedelta, "for how long; 0s ends the silences of this glob"] = timedelta(hours=4),
) -> Silence:
    """Have nobody notified of alerts for a while. They are recorded all the same, and count where a policy counts alerts.

    Example:
        loopline silence "service/delay@prod/*" --why "The airport moves its clocks." --lasting 8h
    """
    if not match.strip() or len(match) > WIDEST or "\x00" in match + why:
        raise Invalid(
            f"{match[:50]!r} is no glob over monitors", kind="bad-match", hint="write service/delay@prod/*", match=match
        )
    if not timedelta(0) <= lasting <= LONGEST:
        raise Invalid(
            f"a silence lasts up to {LONGEST.days} days", kind="bad-silence", hint="give --lasting 8h",
            lasting=lasting.total_seconds(),
        )  # fmt: skip
    with loop.ledger.write(loop.project, loop.actor) as tx:
        tx.projects.ensure(loop.project)
        until = tx.now + round(lasting.total_seconds() * 1e6)
        made = Silence(loop.ids.new(), loop.project, match, until, why, str(loop.actor), tx.now)
        if lasting:
            made = tx.alerts.silence(made)
            tx.say("silence.created", made.id, match=match, until=until, why=why)
        else:
            ended = tx.alerts.unsilence(loop.project, match)
            tx.say("silence.ended", match, match=match, ended=ended, why=why)
    return made
