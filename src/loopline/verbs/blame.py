"""blame: say which change caused an incident, or fixed it."""

from __future__ import annotations

from typing import Annotated

from loopline.errors import Conflict, NotFound
from loopline.loop import Loop
from loopline.nouns.ids import brief
from loopline.nouns.incident import Blame, Incident, Relation
from loopline.verbs.blaming import OTHER, blamable, edge, named, reasoned, source_of, sure


def blame(
    loop: Loop,
    incident: Annotated[str, "first digits of the incident"],
    change: Annotated[str, "first digits of the change, or a ref whose change in force is meant"],
    *,
    why: Annotated[str, "what makes you say so"],
    fixes: Annotated[bool, "the change fixes it, and has not caused it"] = False,
    confidence: Annotated[float, "how sure you are, above 0 and up to 1"] = 1.0,
    remove: Annotated[bool, "take that back, whoever has said it"] = False,
) -> Incident:
    """Say which change caused an incident, or with --fixes which one fixed it: what delivery measures count from then on.

    What a rollback, a trigger or somebody else has said before is replaced by it, or with --remove taken away. The feed keeps
    what was said, by whom and why.

    Example:
        loopline blame 019ac3f2 service/delay@prod --why "the alert came with it" --confidence 0.8
    """
    reason = reasoned(why)
    relation: Relation = "fixes" if fixes else "caused_by"
    with loop.ledger.write(loop.project, loop.actor) as tx:
        found = tx.incidents.known(loop.project, incident)
        asked = named(tx, loop, change)
        said = {one.relation: one for one in found.blames if one.change == asked.id}
        before = said.get(relation)
        if remove:
            if before is None:
                raise NotFound(
                    f"nobody has said that change {brief(asked.id)} {_words(relation)} incident {brief(found.id)}",
                    kind="no-blame", hint=f"loopline show {brief(found.id)}", incident=found.id, change=asked.id,
                )  # fmt: skip
            tx.incidents.absolve(found.id, before)
            tx.say("incident.absolved", found.id, change=asked.id, before=edge(before), after=None, why=reason)
            return tx.incidents.get(found.id)
        after = Blame(
            relation, blamable(asked, relation).id, source_of(loop.actor), sure(confidence), str(loop.actor), tx.now, reason
        )  # fmt: skip
        if OTHER[relation] in said:
            raise Conflict(
                f"change {brief(asked.id)} {_words(OTHER[relation])} it: it cannot do both", kind="cause-and-fix",
                hint=f"loopline blame {brief(found.id)} {brief(asked.id)}{' --fixes' if not fixes else ''} --remove --why …",
                incident=found.id, change=asked.id,
            )  # fmt: skip
        if before is not None and (before.source, before.confidence) == (after.source, after.confidence):
            raise Conflict(
                f"that change {brief(asked.id)} {_words(relation)} it was said before, with the same confidence",
                kind="blamed-already", hint="give another --confidence, or --remove", incident=found.id, change=asked.id,
                by=before.by,
            )  # fmt: skip
        tx.incidents.blame(found.id, after)
        tx.say("incident.blamed", found.id, change=asked.id, before=edge(before), after=edge(after), why=reason)
        return tx.incidents.get(found.id)


def _words(relation: Relation) -> str:
    return "caused" if relation == "caused_by" else "fixes"
