"""predictions: what a deployment has answered, row by row; and one answer with what stands behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from starlette.routing import Route

from loopline.errors import Invalid, LooplineError, NotFound
from loopline.faces.web.ask import ask, try_to
from loopline.faces.web.asked import Asked
from loopline.faces.web.page import address, project_of, render, taking
from loopline.faces.web.served import choices, meant, served, show
from loopline.verbs.paging import next_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from loopline.faces.web.served import Served
    from loopline.nouns.prediction import Prediction
    from loopline.nouns.service import Arm, Service
    from loopline.nouns.signature import Column

PAGE: Final = 50
FEW: Final = 5
"""Inputs of a row of the list."""
BESIDE: Final = 20
"""Rows of the same request that are named on the page of one."""
FIELDS: Final = ("arm", "status", "unit", "since", "until", "id")
STATUSES: Final = {
    "": "any",
    "200": "200 answered",
    "422": "422 refused",
    "429": "429 too much",
    "503": "503 nobody there",
}


@dataclass(frozen=True, slots=True)
class Value:
    """One input of a prediction, held against what its model was trained on."""

    name: str
    text: str
    usual: str
    """`80 – 2586`, `UA, AA and 4 more`; empty: unknown."""
    strange: bool
    """Whether training never saw it."""


@taking(*FIELDS, "column", "value", "after")
async def page(request: Request) -> Response:
    """List predictions that fit, newest event first."""
    found = await served(request)
    query, ref = request.query_params, found.here.ref
    typed = {name: query.get(name, "").strip() for name in FIELDS}
    column, value = query.get("column", "").strip(), query.get("value", "").strip()
    words: dict[str, Any] = {"ref": ref} | {name: text for name, text in typed.items() if text}
    if column:
        words["where"] = {column: value}
    after = query.get("after", "")
    asked: Sequence[Prediction] | None
    asked, problem = await try_to(request, "predictions", **words, limit=PAGE, after=after)
    rows = asked or ()
    more = next_of("predictions", {"limit": PAGE}, tuple(rows))
    kept = typed | {"column": column, "value": value}
    here = (project_of(request), "services", ref, "predictions")
    arms = {one.name: one.name for one in (found.here.service.arms if found.here.service else ())}
    names = _names(found, rows)
    outputs = sorted({name for one in rows for name in one.outputs})
    told = [
        name for name in outputs if not name.endswith("[0]") or f"{name[:-3]}[1]" not in outputs
    ]  # two classes: one says it
    return await show(
        request, found, "predictions", asked=Asked("predictions", words), problem=problem, rows=rows, typed=kept, names=names,
        told=told[:3],
        shown=[name for name in names if any(name in one.inputs for one in rows)][:FEW], filtered=any(kept.values()),
        arms=choices({"": "any", **arms}, typed["arm"]), statuses=choices(STATUSES, typed["status"]),
        newest=address(*here, **kept) if after else "", older=address(*here, **kept, after=more) if more else "", short=_short,
    )  # fmt: skip


def _names(found: Served, rows: Sequence[Prediction]) -> list[str]:
    """Give the inputs by name: as the model declares them, then what else was recorded."""
    service = found.here.service
    declared = [column.name for arm in (service.arms if service else ()) for column in arm.signature.inputs]
    return list(dict.fromkeys([*declared, *(name for one in rows for name in one.inputs)]))[:60]


@taking("id")
async def single(request: Request) -> Response:
    """Show one prediction: its inputs and outputs, what became of it, and why it was that."""
    ref, project, wanted = meant(request), project_of(request), request.query_params.get("id", "")
    if not wanted:
        raise Invalid("no prediction is named", kind="bad-value", hint="give its id", value="")
    words = {"ref": ref, "id": wanted}
    found: Sequence[Prediction] = await ask(request, "predictions", **words, limit=20)
    if not found:
        raise NotFound(
            f"{ref} has no prediction {wanted[:100]}",
            kind="no-prediction",
            hint=f"loopline predictions {ref}",
            id=wanted[:100],
        )
    one = next((each for each in found if not each.shadow), found[0])
    service = await _service(request, one)
    arm = next((arm for arm in (service.arms if service else ()) if arm.version == one.version), None)
    version, _ = await _told(request, one.version)
    request_id = one.id.rpartition(":")[0]
    beside, _ = await try_to(request, "predictions", ref=ref, id=request_id, limit=BESIDE + 1)
    change, _ = await try_to(request, "show", what=one.change) if one.change else (None, None)
    return await render(
        request, "prediction.html", title=f"Prediction {one.id}", section="services", asked=Asked("predictions", words), one=one,
        ref=ref, asset=ref.rpartition("@")[0], arm=arm, version=version, change=getattr(change, "change", None),
        beside=[each for each in beside or () if (each.id, each.arm) != (one.id, one.arm)][:BESIDE],
        all_of=address(project, "services", ref, "predictions", id=request_id) if len(beside or ()) > BESIDE else "",
        target=service.labels.target if service else "label",
        inputs=_values(one.inputs, arm), outputs=[(name, _short(value)) for name, value in sorted(one.outputs.items())],
        crumbs=[("Services", address(project, "services")), (ref, address(project, "services", ref)),
                ("Predictions", address(project, "services", ref, "predictions"))],
    )  # fmt: skip


async def _told(request: Request, version: str) -> tuple[Any, LooplineError | None]:
    """Read the version of the model; one of another project is only named."""
    if ":" in version or "@" not in version:
        return None, None
    return await try_to(request, "get", pointer=version)


async def _service(request: Request, one: Prediction) -> Service | None:
    """Find the service version that is current; it tells what its models take, and what a truth is called."""
    here, _ = await try_to(request, "show", what=one.service)
    return getattr(here, "service", None)


def _values(inputs: Mapping[str, Any], arm: Arm | None) -> list[Value]:
    """Hold each input against the signature of the model."""
    declared = {column.name: column for column in (arm.signature.inputs if arm else ())}
    names = [*(name for name in declared if name in inputs), *sorted(name for name in inputs if name not in declared)]
    return [_value(name, inputs[name], declared.get(name)) for name in names]


def _value(name: str, value: Any, column: Column | None) -> Value:
    if column is None:
        return Value(name, _short(value), "", strange=False)
    if column.values:
        more = f" and {len(column.values) - 4} more" if len(column.values) > 4 else ""
        return Value(name, _short(value), ", ".join(column.values[:4]) + more, strange=str(value) not in column.values)
    if column.low is None or column.high is None:
        return Value(name, _short(value), "", strange=False)
    outside = isinstance(value, (int, float)) and not column.low <= value <= column.high
    return Value(name, _short(value), f"{_short(column.low)} – {_short(column.high)}", strange=outside)


def _short(value: Any) -> str:
    """Write a value of a row."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}".replace("-", "\u2212") if isinstance(value, (int, float)) else str(value)


ROUTES = (
    Route("/p/{project}/services/{what:path}/predictions", page, name="predictions"),
    Route("/p/{project}/services/{what:path}/prediction", single, name="prediction"),
)
