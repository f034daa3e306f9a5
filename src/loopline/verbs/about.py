"""about: how this project is run."""

from __future__ import annotations

from loopline.loop import Loop
from loopline.nouns.about import About, Worker
from loopline.nouns.name import AssetName, RefName

EVERYWHERE = "*"


def about(loop: Loop) -> About:
    """Tell how this project is run: policies in force, teams and roles, workers, how long its feed is.

    Example:
        loopline about
    """
    from loopline.checks.document import load_document
    from loopline.checks.written import written

    with loop.ledger.read() as tx:
        here = tx.policies.in_force(loop.project)
        policies = load_document(here[1]).policies if here else ()
        ref = tx.refs.find(RefName(AssetName(loop.project, "policy", loop.project), "main"))
        return About(
            project=loop.project,
            events=tx.feed.head(loop.project).seq,
            policies=policies,
            policy=ref.target if ref else None,
            written=written(policies),
            teams={team: tuple(sorted(members)) for team, members in tx.teams.all(loop.project).items()},
            everywhere={team: tuple(sorted(members)) for team, members in tx.teams.all(EVERYWHERE).items()},
            workers=tuple(Worker(w.name, w.queue, w.started_at, w.seen_at, w.version) for w in tx.tasks.workers()),
        )
