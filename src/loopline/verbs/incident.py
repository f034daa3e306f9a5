"""incident: say that something is wrong in production."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from loopline.errors import Conflict, Invalid
from loopline.loop import Loop
from loopline.nouns.ids import brief
from loopline.nouns.incident import Blame, Incident
from loopline.nouns.name import AssetName
from loopline.nouns.severity import Severity
from loopline.verbs.blaming import blamable, edge, named, reasoned, source_of, sure, titled
from loopline.verbs.instants import instant
from loopline.verbs.moving import at_home

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables


def incident(
    loop: Loop,
    title: Annotated[str, "what goes wrong, in a line"] = "",
    *,
    severity: Annotated[Severity | None, "how bad it is; medium when left out"] = None,
    caused_by: Annotated[
        str | None, "first digits of the change that caused it, or the ref whose change in force did"
    ] = None,
    confidence: Annotated[float, "how sure you are of that, above 0 and up to 1"] = 1.0,
    about: Annotated[AssetName | None, "the asset that it is about: service/delay"] = None,
    at: Annotated[int | None, "since when: 2026-07-01, 2026-07-01T09:30 (UTC), or microseconds", instant] = None,
    why: Annotated[str, "what makes you think so, and blame that change; with --edit, why you say otherwise now"] = "",
    edit: Annotated[str | None, "first digits of the incident that shall say this instead"] = None,
) -> Incident:
    """Open an incident: something goes wrong in production. Or say of one what it is, how bad, about what, and since when.

    When it was opened is when the ledger was told, and what recovery times are measured by; `--at` is when it began in the world.
    An incident that is blamed on a change makes that change count as failed.

    Example:
        loopline incident "Delays are predicted in seconds" --severity high --caused-by service/delay@prod
    """
    if edit is not None and caused_by is not None:
        raise Invalid(
            "an incident is edited, or blamed on a change", kind="edit-or-blame",
            hint=f"loopline blame {edit} {caused_by} --why …",
        )  # fmt: skip
    said = titled(title) if title or edit is None else ""
    reason = reasoned(why) if why.strip() or edit is not None else ""
    with loop.ledger.write(loop.project, loop.actor) as tx:
        if at is not None and at > tx.now:
            raise Invalid(
                "it begins in the future", kind="in-the-future", hint="give --at a time that has passed", at=at
            )
        asset = _about(tx, loop, about)
        if edit is not None:
            before = tx.incidents.known(loop.project, edit)
            after = replace(
                before, title=said or before.title, severity=severity or before.severity, about=asset or before.about,
                began_at=before.began_at if at is None else at,
            )  # fmt: skip
            was, now = _differing(before, after)
            tx.say("incident.edited", before.id, before=was, after=now, why=reason)
            return tx.incidents.edit(after)
        blames = () if caused_by is None else (_cause(tx, loop, caused_by, confidence, reason),)
        tx.projects.ensure(loop.project)
        made = tx.incidents.open(
            Incident(
                loop.ids.new(), loop.project, said, severity or "medium", str(loop.actor), tx.now, blames=blames, about=asset,
                began_at=at,
            )
        )  # fmt: skip
        tx.event_time = at
        tx.say(
            "incident.opened", made.id, title=made.title, severity=made.severity, about=made.about,
            blames=[edge(one) for one in made.blames], why=reason,
        )  # fmt: skip
        return made


def _cause(tx: Tables, loop: Loop, word: str, confidence: float, why: str) -> Blame:
    change = blamable(named(tx, loop, word), "caused_by")
    return Blame("caused_by", change.id, source_of(loop.actor), sure(confidence), str(loop.actor), tx.now, why)


def _about(tx: Tables, loop: Loop, asset: AssetName | None) -> str:
    """Name an asset that is there, of this project. Raise NotFound, Invalid kind="other-project"."""
    if asset is None:
        return ""
    return str(tx.assets.get(at_home(loop, asset)).name)


def _differing(before: Incident, after: Incident) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give what was said and what is said now, where that differs. Raise Conflict where nothing does."""
    fields = [one for one in ("title", "severity", "about", "began_at") if getattr(before, one) != getattr(after, one)]
    if not fields:
        raise Conflict(
            f"incident {brief(before.id)} says that already", kind="nothing-to-edit", hint=f"loopline show {brief(before.id)}",
            incident=before.id,
        )  # fmt: skip
    return {one: getattr(before, one) for one in fields}, {one: getattr(after, one) for one in fields}
