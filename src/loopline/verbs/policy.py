"""policy: what must hold before refs move."""

from __future__ import annotations

from typing import Annotated

from loopline.errors import Invalid
from loopline.loop import Loop
from loopline.nouns.artifact import POLICY, Artifact
from loopline.nouns.change import Change, Move
from loopline.nouns.name import AssetName, RefName
from loopline.nouns.policy import Policy
from loopline.verbs.moving import Plan, begin


def policy(
    loop: Loop,
    *,
    document: Annotated[
        str | None, "the canonical document of a new policy (the command line takes it from loopline.toml)"
    ] = None,
    why: Annotated[str, "the reason for the new policy"] = "",
) -> tuple[Policy, ...] | Change:
    """Show the policy in force, or propose a new one: moving it is a change like any other.

    Example:
        loopline policy --push --why "two approvals for production"
    """
    from loopline.checks.document import load_document

    if document is None:
        with loop.ledger.read() as tx:
            here = tx.policies.in_force(loop.project)
        return load_document(here[1]).policies if here else ()
    data = document.encode()
    for trigger in load_document(data).triggers:
        from loopline.triggers.sound import sound

        sound(trigger)
    digest = loop.blobs.put(data)
    asset = AssetName(loop.project, "policy", loop.project)
    ref = RefName(asset, "main")
    with loop.ledger.write(loop.project, loop.actor) as tx:
        tx.projects.ensure(loop.project)
        here = tx.policies.in_force(loop.project)
        current = tx.refs.find(ref)
        if here and here[0] == digest and current:
            raise Invalid(
                "this policy is already in force", kind="nothing-to-move", hint="edit loopline.toml first", ref=str(ref)
            )
        tx.policies.keep(data)
        version = tx.versions.publish(
            asset,
            Artifact(digest, POLICY, len(data)),
            author=str(loop.actor),
            message=why,
            parents=[current.target] if current else [],
        )
        return begin(
            tx,
            loop,
            Plan((Move(ref, current.target if current else None, version.number),), why or "new policy", kind="config"),
        )
