"""about: how this project is run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from loopline.access.roles import EVERYWHERE, at_least, role_in
from loopline.loop import Loop
from loopline.nouns.about import About, Worker
from loopline.nouns.name import AssetName, RefName
from loopline.verbs.permitting import bearing, only, own_roles, sees_all

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loopline.ledger.ledger import Tables
    from loopline.nouns.policy import Policy


def about(loop: Loop) -> About:
    """Tell how this project is run: policies in force, teams and roles, workers, how long its feed is.

    Of the teams of the whole server, those are told that have a role here or stand in a policy of this project; an admin is told
    of all. Viewers are not told on which machines workers run.

    Example:
        loopline about
    """
    from loopline.checks.document import load_document
    from loopline.checks.written import written

    with loop.ledger.read() as tx:
        here = tx.policies.in_force(loop.project)
        policies = load_document(here[1]).policies if here else ()
        ref = tx.refs.find(RefName(AssetName(loop.project, "policy", loop.project), "main"))
        teams, everywhere = tx.teams.all(loop.project), tx.teams.all(EVERYWHERE)
        known = {*teams, *everywhere} if sees_all(loop, tx) else bearing(tx, loop.project) | _named(policies)
        return About(
            project=loop.project,
            events=tx.feed.head(loop.project).seq,
            policies=policies,
            policy=ref.target if ref else None,
            written=written(policies),
            teams=only(teams, known),
            everywhere=only(everywhere, known),
            workers=_workers(loop, tx),
        )


def _named(policies: Iterable[Policy]) -> set[str]:
    """Give the teams whose word counts in policies."""
    approvers = (who for one in policies if one.approvals for who in one.approvals.source)
    return {*approvers, *(who for one in policies for who in one.override.by)}


def _workers(loop: Loop, tx: Tables) -> tuple[Worker, ...]:
    found = [Worker(w.name, w.queue, w.started_at, w.seen_at, w.version) for w in tx.tasks.workers()]
    if at_least(role_in(own_roles(loop, tx), loop.project), "contributor"):
        return tuple(found)
    return tuple(replace(one, name=f"worker {number}") for number, one in enumerate(found, 1))
