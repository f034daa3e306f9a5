"""find: search what the ledger holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from loopline.errors import Invalid
from loopline.ledger.search import Condition, compose
from loopline.loop import Loop
from loopline.nouns.alert import Silence
from loopline.nouns.change import Change
from loopline.nouns.experiment import Experiment
from loopline.nouns.incident import Incident
from loopline.nouns.person import Person
from loopline.nouns.run import Run
from loopline.nouns.subscription import Delivery, Subscription
from loopline.nouns.task import Task
from loopline.nouns.token import Token
from loopline.nouns.trace import Trace
from loopline.verbs.paging import at_most, numbered
from loopline.verbs.permitting import seen
from loopline.verbs.tracefinding import traces_found

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables


def find(
    loop: Loop,
    what: Annotated[
        Literal[
            "runs",
            "experiments",
            "changes",
            "incidents",
            "subscriptions",
            "deliveries",
            "tasks",
            "tokens",
            "people",
            "silences",
            "traces",
        ],
        "what to look for",
    ] = "runs",
    where: Annotated[
        str, "for runs: metrics.roc_auc > 0.7 and state = finished; for traces: state = failed and span.kind = TOOL"
    ] = "",
    *,
    order: Annotated[str, "for runs: metrics.roc_auc desc, started asc"] = "",
    open: Annotated[bool, "only what is not over yet"] = False,  # noqa: A002 (the word people use)
    steps: Annotated[bool, "for runs: also the steps inside pipelines"] = False,
    after: Annotated[str, "go on behind this: what an answer gave as its `next`"] = "",
    limit: Annotated[int, "how many at most"] = 20,
) -> (
    tuple[Run, ...]
    | tuple[Experiment, ...]
    | tuple[Change, ...]
    | tuple[Incident, ...]
    | tuple[Subscription, ...]
    | tuple[Delivery, ...]
    | tuple[Task, ...]
    | tuple[Token, ...]
    | tuple[Person, ...]
    | tuple[Silence, ...]
    | tuple[Trace, ...]
):
    """Search runs, traces, changes or incidents, newest first; experiments by name.

    Example:
        loopline find runs "metrics.roc_auc > 0.7" --order "metrics.roc_auc desc"
    """
    at_most(limit)
    if what == "traces" and not (order or steps):
        return traces_found(loop, where, open_only=open, after=after, limit=limit)
    if what != "runs" and (where or order or steps):
        raise Invalid(
            f"{what} take no filter and no order", kind="not-for-these", hint=f"loopline find {what} --open", what=what
        )
    with loop.ledger.read() as tx:
        if what != "runs":
            return tuple(_listed(loop, tx, what, open_only=open, after=after, limit=limit))
        condition = compose(loop.project, where, order=order, after=after)
        sql = condition.where + _narrowed(condition, open_only=open, steps=steps)
        return tuple(tx.runs.search(sql, condition.values, order=condition.order, limit=limit))


def _narrowed(condition: Condition, *, open_only: bool, steps: bool) -> str:
    """Leave out runs that are over, and those inside of others unless the filter speaks of these."""
    sql = " AND r.state IN ('pending', 'running')" if open_only else ""
    return sql if steps or condition.names & {"kind", "parent", "id"} else f"{sql} AND r.parent IS NULL"


def _listed(loop: Loop, tx: Tables, what: str, *, open_only: bool, after: str, limit: int) -> Sequence[Any]:
    """List what takes no filter."""
    match what:
        case "changes":
            return tx.changes.list(loop.project, open_only=open_only, limit=limit, after=after)
        case "experiments":
            return tx.experiments.list(loop.project, limit=limit, after=after)
        case "incidents":
            return tx.incidents.list(loop.project, open_only=open_only, limit=limit, after=after)
        case "subscriptions":
            return tx.subscriptions.list(loop.project, open_only=open_only, limit=limit, after=after)
        case "deliveries":
            return tx.subscriptions.deliveries(loop.project, open_only=open_only, limit=limit, after=numbered(after))
        case "tasks":
            return tx.tasks.list(loop.project, open_only=open_only, limit=limit, after=after)
        case "tokens":
            return tx.tokens.list(*seen(loop, tx), limit=limit, after=after)
        case "people":
            return tx.people.list(*seen(loop, tx), limit=limit, after=after)
    silences = tx.alerts.silences(loop.project)
    behind = next((at + 1 for at, one in enumerate(silences) if one.id == after), 0)
    return silences[behind : behind + limit]
