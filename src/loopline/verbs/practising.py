"""practising: what the ledger shows of how a project is run, for its practices; shared by nobody but `insights`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.errors import LooplineError
from loopline.insights.maturity import Seen
from loopline.nouns.name import KINDS
from loopline.verbs.measuring import PRODUCTION
from loopline.verbs.ticking import declared_triggers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from loopline.insights.calendar import Window
    from loopline.ledger.effort import Effort
    from loopline.ledger.ledger import Tables
    from loopline.loop import Loop
    from loopline.nouns.policy import Policy
    from loopline.nouns.service import Service
    from loopline.verbs.measuring import History


def seen(tx: Tables, loop: Loop, history: History, effort: Effort, window: Window) -> Seen:
    """Look at policies, services, triggers, and what was deployed in the window."""
    from loopline.checks.document import load_document

    span = (window.since, window.until)
    here = tx.policies.in_force(loop.project)
    policies = load_document(here[1]).policies if here else ()
    lanes = history.lanes_of
    models = history.delivery.models(change for change, _ in history.forward if "model" in lanes.get(change, ()))
    services = list(_services(tx, loop))
    repeats = effort.reproduced(*span)
    deployed = [change for change, _ in history.forward if lanes.get(change, set()) & {"code", "model"}]
    return Seen(
        models=len(models), by_pipeline=sum(row[1] == "pipeline" for row in models), by_trigger=sum(row[2] for row in models),
        approved=sum(row[3] for row in models), checked=sum(row[4] for row in models), sliced=history.delivery.sliced(*span),
        guarded=frozenset(_kinds(one for one in policies if one.checks or one.metrics)),
        reviewed=frozenset(_kinds(one for one in policies if one.approvals)),
        services=len(services),
        monitors=frozenset(kind for one in services for kind in _watched(one)),
        recorded=any(one.recording.sample > 0 for one in services),
        redacted=any(one.recording.redact for one in services),
        rolled=len({row[0] for row in history.rolling}), deployed=len(deployed),
        rollbacks=len(history.rollbacks()),
        repeats=(sum(not row[2] for row in repeats), len(repeats)), tried=history.delivery.tried(*span),
        subscribed=len(tx.subscriptions.list(loop.project, open_only=True, limit=1)),
        retrains=any(one.do.pipeline and one.do.propose.startswith("model/") for one in declared_triggers(tx, loop)),
    )  # fmt: skip


def _services(tx: Tables, loop: Loop) -> Iterator[Service]:
    """Give what is in production, as far as its bytes are there."""
    from loopline.serving.specification import load_service

    for ref in tx.refs.of_kind("service", project=loop.project):
        if ref.tier in PRODUCTION:
            version = tx.versions.find(ref.name.asset, ref.target)
            try:
                if version is not None:
                    yield load_service(loop.blobs.read(version.artifact.digest))
            except LooplineError:  # lost bytes are told by `verify`; here they say nothing about a practice
                continue


def _watched(service: Service) -> Iterator[str]:
    yield from (one.kind for one in service.monitors)
    if service.objectives.availability or service.objectives.latency:
        yield "objectives"


def _kinds(policies: Iterable[Policy]) -> Iterator[str]:
    """Give the kinds of assets that globs of policies speak of."""
    from fnmatch import fnmatchcase

    globs = [glob.partition("/")[0] for one in policies for glob in one.refs]
    return (kind for kind in KINDS for glob in globs if fnmatchcase(kind, glob))
