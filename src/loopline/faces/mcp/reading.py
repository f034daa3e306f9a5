"""reading: tools that change nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from loopline.errors import Invalid, LooplineError, NotFound, Refused
from loopline.faces.mcp.fitting import Left, gathered
from loopline.faces.mcp.tool import Found, Tool
from loopline.faces.mcp.wire import given, taken
from loopline.nouns.ids import brief
from loopline.nouns.task import Task
from loopline.verbs.paging import at_most

if TYPE_CHECKING:
    from loopline.faces.mcp.asking import Answer, Asking
    from loopline.faces.native.schema import Schema, Schemas

MOST: Final = 50
"""Things on one page."""
FEW: Final = 20
_LOG: Final = 6_000
"""Bytes of a log, from its end."""
_TASK: Final = re.compile(r"[0-9a-f]{32}\Z")
_NARROW: Final = (
    "Ask with a smaller `limit`, go on with `after` = next, or show a single thing with loopline_show_record."
)
_NULL: Final = {"type": "null"}
FINDABLE: Final = ("runs", "changes", "incidents", "tasks")


def overview(ask: Asking, words: Mapping[str, Any]) -> Found:
    """Look around."""
    found = ask.read("overview", limited(words, usual=10)).value
    counts = (
        ", ".join(counted(len(found[name]), said) for name, said in _COUNTED.items() if found[name]) or "nothing open"
    )
    return Found(found, f"Project {found['project']}: {counted(len(found['refs']), 'ref')}, {counts}.", more=_NARROW)


def why(ask: Asking, words: Mapping[str, Any]) -> Found:
    """Walk back."""
    found = ask.read("why", words).value
    return Found(
        found,
        f"{found['kind']} {found['key']}: {found['title']}",
        more="Ask again with a smaller `depth`, or about one key.",
    )


def impact(ask: Asking, words: Mapping[str, Any]) -> Found:
    """Walk forward."""
    answer = ask.read("impact", limited(words))
    found = answer.value
    current = sum(one["current"] for one in found["reached"])
    whole = "that is all" if found["complete"] else "there is more"
    return Found(
        found,
        f"{found['of']} has touched {counted(len(found['reached']), 'thing')}, {current} current; {whole}.",
        answer.next,
        _NARROW,
    )


def find(ask: Asking, words: Mapping[str, Any]) -> Found:
    """Search by words, or list one kind by a filter."""
    if words.get("words"):
        strange = [name for name in ("what", "where", "order", "open") if words.get(name)]
        if strange:
            raise Invalid(
                f"a search for words takes no {strange[0]}", kind="not-for-these", hint="leave out words, or everything else",
                name=strange[0],
            )  # fmt: skip
        few = limited({name: one for name, one in words.items() if name in ("words", "limit")}, usual=5)
        found = ask.read("search", few).value
        return Found(
            {"hits": found, "things": None}, f"{counted(len(found), 'hit')} for {words['words']!r}.", more=_NARROW
        )
    what = words.get("what") or "runs"
    if what not in FINDABLE:
        raise Invalid(
            f"{what!r} cannot be looked for here",
            kind="bad-value",
            hint=f"choose from {', '.join(FINDABLE)}",
            value=what,
        )
    asked = {name: one for name, one in words.items() if one and name in ("where", "order", "open", "after")}
    answer = ask.read("find", {**asked, "what": what, **limited({"limit": words.get("limit")})})
    return Found(
        {"hits": None, "things": answer.value}, f"{counted(len(answer.value), what[:-1])}.", answer.next, _NARROW
    )


def show(ask: Asking, words: Mapping[str, Any]) -> Found:
    """Show one thing, with the end of its log where that is asked for."""
    what, logged = words["what"], flag(words, "log")
    try:
        answer = ask.read("show", {"what": what})
    except NotFound:
        if not (isinstance(what, str) and _TASK.match(what)):
            raise
        answer = ask.task(what)
    log = _log_of(ask, what, answer) if logged else None
    kind = "change" if answer.noun == "review" else answer.noun
    found = {"kind": kind, "record": answer.value, "log": log}
    return Found(
        found,
        _headline(kind, answer),
        more="Ask about a part of it: a run, a version or a change by its own name.",
    )


def _log_of(ask: Asking, what: str, answer: Answer) -> Any:
    """Give the end of a log. Raise Invalid for what has none."""
    if answer.noun in ("review", "task", "version"):
        run = answer.value.get("run")
        hint = f"show its run {run} with `log`" if run else "leave out `log`, or name a run"
        raise Invalid(f"{what} has no log of its own", kind="bad-value", hint=hint, value="log")
    return ask.read("tail", {"run": what, "offset": -_LOG, "limit": _LOG}).value


def compare(ask: Asking, words: Mapping[str, Any]) -> Found:
    """Hold runs against each other, or one version against another."""
    things, rows = words["things"], flag(words, "rows")
    if not isinstance(things, list) or not 2 <= len(things) <= 10 or not all(isinstance(one, str) for one in things):
        raise Invalid(
            "compare 2 to 10 things",
            kind="bad-value",
            hint="give ids of runs, or two versions: model/delay@3",
            value="things",
        )
    if all("/" in one for one in things):
        if len(things) > 2:
            raise Invalid(
                "versions are compared two by two",
                kind="bad-value",
                hint="give the old one, then the new one",
                value="things",
            )
        asked = {"old": things[0], "new": things[1], "limit": FEW, "rows": rows}
        found = ask.read("diff", asked).value
        return Found(
            {"lineup": None, "comparison": found},
            f"{things[0]} → {things[1]}",
            more="Compare without `rows`, or other versions.",
        )
    found = ask.read("compare", {"runs": things}).value
    return Found(
        {"lineup": found, "comparison": None},
        f"{len(things)} runs side by side; what differs comes first.",
        more="Compare fewer runs.",
    )


def service(ask: Asking, words: Mapping[str, Any]) -> Found:
    """Tell how a deployment does; without one, list them."""
    name = words.get("service")
    if not name:
        found = ask.read("services", {"limit": FEW}).value
        return Found(
            _service(deployments=found), f"{counted(len(found), 'deployment')}.", more="Name one as `service`."
        )
    here = ask.read("show", {"what": name})
    if here.noun != "deployment":
        raise Invalid(f"{name} is no deployment", kind="bad-value", hint="name one as service/delay@prod", value=name)
    found = _service(
        deployments=[here.value],
        rollouts=ask.read("rollouts", {"what": name, "limit": 3}).value,
        alerts=ask.read("alerts", {"service": name, "open": True, "limit": FEW}).value,
    )
    span = {one: words[one] for one in ("since", "until", "window") if words.get(one) is not None}
    try:
        found["quality"] = ask.read("quality", {"window": "7d", **span, "ref": name}).value
    except Refused:
        raise
    except LooplineError as error:  # a service without labels has no quality, and is a service all the same
        found["quality_missing"] = error.message
    state, alerts = here.value["state"], len(found["alerts"] or ())
    return Found(
        found,
        f"{name} is {state}; {counted(alerts, 'open alert')}.",
        more="Narrow it with `since` and `until`, or a longer `window`.",
    )


def insights(ask: Asking, words: Mapping[str, Any]) -> Found:
    """Tell where time goes: the numbers, and what they were over time only where that is asked for."""
    details = flag(words, "details")
    asked = {name: one for name, one in words.items() if name != "details"}
    found = ask.read("insights", {"limit": 3, **asked}).value
    left: tuple[Left, ...] = ()
    if not details:
        left = gathered(_without(found, ("trend", "practices"), "result"))
    more = "Ask with `details` for numbers by week and for single practices; for fewer days where that is too much."
    return Found(found, "Delivery as the ledger knows it: of the team, of nobody alone.", more=more, left=left)


def _without(value: Any, names: tuple[str, ...], where: str) -> Iterator[Left]:
    """Empty the lists of these names, and tell of each."""
    if isinstance(value, list):
        for one in value:
            yield from _without(one, names, f"{where}[]")
    elif isinstance(value, dict):
        for name, one in value.items():
            if name in names and one:
                yield Left(f"{where}.{name}", 0, len(one))
                value[name] = []
            else:
                yield from _without(one, names, f"{where}.{name}")


def limited(words: Mapping[str, Any], *, usual: int = FEW) -> dict[str, Any]:
    """Give the words with a limit that an answer has room for. Raise Invalid for more."""
    limit = words.get("limit")
    if limit is None:
        limit = usual
    elif not isinstance(limit, int) or isinstance(limit, bool):
        raise Invalid(
            f"{limit!r:.50} is no limit", kind="bad-limit", hint=f"give a whole number from 1 to {MOST}", most=MOST
        )
    return {**words, "limit": at_most(limit, most=MOST)}


def flag(words: Mapping[str, Any], name: str) -> bool:
    """Read a yes or no. Raise Invalid for anything else: a text that says false is true to a program."""
    value = words.get(name, False)
    if not isinstance(value, bool):
        raise Invalid(f"{name} is true or false", kind="bad-value", hint="write true or false", value=name)
    return value


def _service(**found: Any) -> dict[str, Any]:
    return {"deployments": [], "rollouts": None, "alerts": None, "quality": None, "quality_missing": None, **found}


def _headline(kind: str, answer: Answer) -> str:
    found = answer.value
    match kind:
        case "change":
            return change_line(found["change"], found["requirements"])
        case "run":
            return f"run {brief(found['id'])} of {found['name']} is {found['state']}"
        case "task":
            return f"a task, {found['verb']}, is {found['state']}"
        case "deployment":
            return f"{found['ref']} is {found['state']}"
        case "ref":
            return f"{found['name']} → {found['target']}"
    return f"{found['asset']}@{found['number']}" if "number" in found else ""


def change_line(change: Mapping[str, Any], requirements: list[dict[str, Any]] | None = None) -> str:
    """Say in one line what a change is, how far it is, and what it lacks."""
    moves = ", ".join(f"{one['ref']} {one['old']} → {one['new']}" for one in change["moves"])
    if requirements is None:
        requirements = (change.get("decision") or {}).get("results") or []
    lacking = [f"{one['text']}: {one['observed']}" for one in requirements if one["result"] != "pass"]
    open_ = change["state"] in ("proposed", "approved")
    lacks = f"; lacks {'; '.join(lacking)}" if lacking and open_ else ""
    return f"change {brief(change['id'])} ({moves}) is {change['state']}{lacks}"


def counted(number: int, noun: str) -> str:
    """Say how many there are: `1 ref`, `2 refs`, `2 runs that failed`."""
    first, *rest = noun.split(" ") if noun.startswith("run ") else (noun,)
    return " ".join([str(number), first if number == 1 else first + "s", *rest])


def _nullable(schema: Schema) -> Schema:
    return {"anyOf": [schema, _NULL]}


def object_of(**members: Schema) -> Schema:
    """Describe an object with exactly these members."""
    return {"type": "object", "properties": members, "required": [*members], "additionalProperties": False}


_COUNTED: Final = {
    "changes": "open change", "running": "run under way", "failed": "run that failed", "incidents": "open incident",
    "alerts": "open alert",
}  # fmt: skip
_LIMIT: Final[Schema] = {"type": "integer", "minimum": 1, "maximum": MOST, "description": "How many things at most."}


def _found_schema(schemas: Schemas) -> Schema:
    from loopline.nouns.change import Change
    from loopline.nouns.incident import Incident
    from loopline.nouns.run import Run

    things = [{"type": "array", "items": schemas.given(one)} for one in (Run, Change, Incident, Task)]
    return object_of(hits=_nullable(given(schemas, "search")), things=_nullable({"anyOf": things}))


def _shown_schema(schemas: Schemas) -> Schema:
    record = {"anyOf": [*given(schemas, "show")["anyOf"], schemas.given(Task)]}
    kinds = ["ref", "version", "run", "change", "deployment", "task"]
    return object_of(kind={"enum": kinds}, record=record, log=_nullable(given(schemas, "tail")))


def _service_schema(schemas: Schemas) -> Schema:
    return object_of(
        deployments=given(schemas, "services"),
        rollouts=_nullable(given(schemas, "rollouts")),
        alerts=_nullable(given(schemas, "alerts")),
        quality=_nullable(given(schemas, "quality")),
        quality_missing={"anyOf": [{"type": "string"}, _NULL], "description": "Why there is no quality."},
    )


def _finding(schemas: Schemas) -> dict[str, Schema]:
    return {
        "words": {
            "type": "string",
            "description": "Search all for these: assets, versions, runs, changes, files. Alone.",
        },
        "what": {"enum": list(FINDABLE), "description": "Else: list these, newest first; runs when left out."},
        **taken(schemas, "find", "where", "order", "open", "after"),
        "limit": _LIMIT,
    }


READING: Final = (
    Tool(
        "loopline_show_overview", "Look around in the project",
        "Use it first. Tells what is current and why, which changes are open and what each lacks, what runs, what "
        "failed of late, open incidents and alerts.",
        ("overview",), lambda _: {"limit": _LIMIT}, lambda schemas: given(schemas, "overview"), overview,
    ),
    Tool(
        "loopline_explain_reason", "Explain why something is there",
        "Use it for 'why is this running?': walks back from a ref, version, run, change, incident or digest to the "
        "change and its approvals, the run that made it, its data, code and environment.",
        ("why",), lambda schemas: taken(schemas, "why", "what", "depth"), lambda schemas: given(schemas, "why"), why, ("what",),
    ),
    Tool(
        "loopline_trace_impact", "Trace what a thing has touched",
        "Use it for 'what is affected?': walks forward from a version, run, digest or package to all that was built "
        "from it, up to what is in use now.",
        ("impact",), lambda schemas: {**taken(schemas, "impact", "what", "after"), "limit": _LIMIT},
        lambda schemas: given(schemas, "impact"), impact, ("what",),
    ),
    Tool(
        "loopline_find_records", "Find runs, changes, incidents, tasks, or anything by words",
        "Use it to find names and ids. With `words` it searches everything; else it lists one kind, runs by a filter"
        " as metrics.roc_auc > 0.7 and state = finished.",
        ("find", "search"), _finding, _found_schema, find,
    ),
    Tool(
        "loopline_show_record", "Show one thing",
        "Use it for the details of a ref, version, run, deployment or task. For a change it is the review: what "
        "moves, evidence against the base, each requirement of the policy with who can meet it. `log` adds the end "
        "of what a run printed.",
        ("show", "tail"),
        lambda schemas: {**taken(schemas, "show", "what"), "log": {"type": "boolean", "description": "Add the end of its log."}},
        _shown_schema, show, ("what",),
    ),
    Tool(
        "loopline_compare_records", "Compare runs or versions",
        "Use it for 'what changed?' and 'which is better?': 2 to 10 runs by id (params, metrics, data, packages, "
        "code), or two versions as model/delay@3 (files, metrics, data, code).",
        ("compare", "diff"),
        lambda _: {
            "things": {
                "type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 10, "description": "The older first.",
            },
            "rows": {"type": "boolean", "description": "For versions of data: compare tables row by row."},
        },
        lambda schemas: object_of(
            lineup=_nullable(given(schemas, "compare")), comparison=_nullable(given(schemas, "diff"))
        ),
        compare, ("things",),
    ),
    Tool(
        "loopline_inspect_service", "See how a service does",
        "Use it for 'is production well?': what is deployed and answers, what rolls and why it stands there, open "
        "alerts, quality by the labels that have come. Without `service` it lists deployments.",
        ("services", "show", "rollouts", "alerts", "quality"),
        lambda schemas: {
            "service": {"type": "string", "description": "The deployment: service/delay@prod."},
            **taken(schemas, "quality", "since", "until", "window"),
        },
        _service_schema, service,
    ),
    Tool(
        "loopline_read_insights", "Read where delivery spends its time",
        "Use it for questions about the team's delivery: the five DORA keys of code, data and models, value stream "
        "with its bottleneck, friction. Numbers are the team's, never a person's.",
        ("insights",), lambda schemas: {
            **taken(schemas, "insights", "days", "since", "until", "timezone"),
            "details": {"type": "boolean", "description": "Also week by week, and each practice."},
        },
        lambda schemas: given(schemas, "insights"), insights,
    ),
)  # fmt: skip
