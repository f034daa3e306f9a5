"""serving_spans: spans that come in by OTLP, from clients of MLflow and from anything that speaks OpenTelemetry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.responses import Response

from loopline.faces.desk import act
from loopline.faces.mlflow.asking import Ask, Operation, bytes_of, project_of
from loopline.faces.mlflow.errors import Fault, invalid
from loopline.faces.mlflow.naming import find_active, find_run
from loopline.faces.mlflow.spanning import arrivals
from loopline.faces.otlp.protobuf import Malformed
from loopline.faces.otlp.receiving import PACKED, TYPES, answered, received
from loopline.verbs.tracing import receive

if TYPE_CHECKING:
    from starlette.requests import Request

    from loopline.loop import Loop
    from loopline.nouns.experiment import Experiment

EXPERIMENT: Final = "x-mlflow-experiment-id"
RUN: Final = "x-mlflow-run-id"


async def export(request: Request, names: tuple[str, ...]) -> Response:  # noqa: ARG001 (as every operation is asked)
    """Keep spans; those that cannot be kept are told of in the answer, as OTLP says."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in TYPES:
        raise Fault("BAD_REQUEST", f"Invalid Content-Type: {kind[:100]!r}. Expected: {' or '.join(TYPES)}")
    body = await bytes_of(request, PACKED)
    return await act(request, _keep, Ask(request, (), project_of(request)), body, kind)


def _keep(ask: Ask, body: bytes, kind: str) -> Response:
    loop = ask.loop("log")
    headers = ask.request.headers
    group = _experiment(loop, headers.get(EXPERIMENT))
    run = headers.get(RUN, "")
    if run:
        with loop.ledger.read() as tx:
            run = find_run(tx, loop.project, run).id
    try:
        batch = received(body, kind=kind, encoding=headers.get("content-encoding", ""))
    except Malformed as malformed:
        raise invalid(f"Invalid OpenTelemetry format: {malformed}") from None
    if batch.spans:
        receive(loop, group, arrivals(batch.spans, run))
    return Response(answered(batch, kind), media_type=kind, headers={"Cache-Control": "no-store"})


def _experiment(loop: Loop, said: str | None) -> Experiment:
    if not said:
        raise invalid(f"Missing value for required header '{EXPERIMENT}': the id of an experiment.")
    with loop.ledger.read() as tx:
        return find_active(tx, loop.project, said)


OPERATIONS: Final[dict[tuple[str, str], Operation]] = {("POST", "/v1/traces"): export}
