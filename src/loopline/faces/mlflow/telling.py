"""telling: what a client says of a whole trace, as what is kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from loopline.faces.mlflow import limits
from loopline.faces.mlflow import translate_traces as translate
from loopline.faces.mlflow.asking import lacking, unfit
from loopline.faces.mlflow.errors import Fault, invalid
from loopline.faces.mlflow.naming import find_active, find_run
from loopline.nouns.trace import Trace

if TYPE_CHECKING:
    from loopline.faces.mlflow.wire_traces import TraceTold
    from loopline.ledger.ledger import Tables
    from loopline.loop import Loop
    from loopline.nouns.experiment import Experiment

MANY: Final = 1_000
"""Tags, metadata or assessments of a trace."""
_ID: Final = re.compile(r"(?:tr-)?[0-9a-f]{32}\Z")
_PREVIEW: Final = 10_000
_CLIENT: Final = 250


def told(loop: Loop, said: TraceTold) -> tuple[Experiment, Trace]:
    """Read a trace as a client tells it, and find its experiment. Raise Fault."""
    if not _ID.match(said.trace_id):
        raise unfit("trace_id", said.trace_id, ": it is tr- with 32 hex digits behind.")
    place = said.trace_location
    if place is None or place.mlflow_experiment is None:
        raise lacking("trace_info.trace_location.mlflow_experiment")
    time = translate.moment(said.request_time, "request_time")
    for name, text, most in (
        ("client_request_id", said.client_request_id, _CLIENT), ("request_preview", said.request_preview, _PREVIEW),
        ("response_preview", said.response_preview, _PREVIEW),
    ):  # fmt: skip
        limits.value_fits(text or "", most, name)
    tags, facts = fitting(said.tags), fitting(said.trace_metadata, "trace_metadata")
    with loop.ledger.read() as tx:
        group = find_active(tx, loop.project, place.mlflow_experiment.experiment_id)
        runs = _runs(tx, loop.project, facts)
    tokens, cost = facts.pop(translate.TOKENS, ""), facts.pop(translate.COST, "")
    return group, Trace(
        said.trace_id, loop.project, group.id,
        name=tags.pop(translate.NAME, None),
        state=translate.state_of(said.state),
        time=loop.clock.now() if time is None else time,
        duration=translate.lasting(said.execution_duration, "execution_duration"),
        client=said.client_request_id,
        request=said.request_preview,
        response=said.response_preview,
        session=facts.pop(translate.SESSION, None),
        tokens=_whole(translate.counted(tokens, translate.TOKENS)) if tokens else {},
        cost={key: float(value) for key, value in translate.counted(cost, translate.COST).items()} if cost else {},
        facts=facts,
        tags={key: value for key, value in tags.items() if key not in translate.OWN},
        runs=tuple(runs),
    )  # fmt: skip


def fitting(pairs: Mapping[str, str], what: str = "tags") -> dict[str, str]:
    """Give tags or metadata. Raise Fault 400 for what fits none."""
    if len(pairs) > MANY:
        raise invalid(f"A trace has at most {MANY} {what}. Got {len(pairs)}.")
    for key, value in pairs.items():
        limits.key_fits(key)
        limits.value_fits(value, limits.TAG)
    return dict(pairs)


def _runs(tx: Tables, project: str, facts: Mapping[str, str]) -> tuple[str, ...]:
    """Give the run that a trace was made in, by its id here; one that is not known (yet) by the id that is told."""
    said = facts.get(translate.SOURCE_RUN, "")
    if not said:
        return ()
    try:
        return (find_run(tx, project, said).id,)
    except Fault:
        return (said,) if len(said) <= limits.KEY else ()


def _whole(numbers: Mapping[str, Any]) -> dict[str, int]:
    return {key: int(value) for key, value in numbers.items()}
