"""wire: what OpenLineage events look like (spec 2-0-2), read into plain values or refused with the place that is wrong."""

from __future__ import annotations

import re
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from loopline.errors import Invalid
from loopline.nouns.event import canonical

RUN, DATASET, JOB = "run", "dataset", "job"
TYPES: Final = ("START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER")
LONGEST: Final = 2000
"""Characters of a namespace or a name."""
MOST: Final = 1000
"""Events in a batch, and datasets on one side of an event."""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DATE_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)\Z")
_decode = msgspec.json.Decoder().decode


def inflated(body: bytes, *, limit: int) -> bytes:
    """Give what was compressed as gzip. Raise Invalid for what is none, and body-too-large before more is unpacked."""
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        found = unpacker.decompress(body, limit + 1)
    except zlib.error:
        found = b""
    if len(found) > limit:
        raise Invalid(
            f"the body has more than {limit} bytes",
            kind="body-too-large",
            hint="send fewer events at once",
            limit=limit,
        )
    if not unpacker.eof or unpacker.unused_data:
        raise Invalid("the body is no gzip", kind="bad-json", hint="send it as it is, or compressed once")
    return found


def parsed(body: bytes) -> Any:
    """Read JSON whose every text and number can be kept. Raise Invalid kind="bad-json"."""
    try:
        found = _decode(body)
        again = canonical(found)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Invalid(f"the body is no JSON: {error}"[:300], kind="bad-json", hint="send JSON in UTF-8") from None
    if b"\\u0000" in again:
        raise Invalid("a text holds a NUL", kind="bad-json", hint="leave it out")
    return found


def event_of(value: Any, *, index: int = 0) -> dict[str, Any]:
    """Check one event and give it back. Raise Invalid kind="bad-lineage" with the place in it."""
    if not isinstance(value, dict):
        raise wrong("", "an event is an object", index)
    timed(value.get("eventTime"), "eventTime", index)
    text(value.get("producer"), "producer", index)
    if "schemaURL" in value:
        text(value["schemaURL"], "schemaURL", index)
    kind = kind_of(value)
    if kind is None:
        raise wrong("", "an event is about a run, a dataset or a job", index)
    if kind == RUN:
        _run(value, index)
    if kind == DATASET:
        _dataset(value["dataset"], "dataset", index)
    else:
        _job(value.get("job"), index)
        for side in ("inputs", "outputs"):
            found = value.get(side)
            if found is None:
                continue
            if not isinstance(found, list) or len(found) > MOST:
                raise wrong(side, f"a list of at most {MOST} datasets", index)
            for number, one in enumerate(found):
                _dataset(one, f"{side}[{number}]", index)
    return value


def kind_of(event: dict[str, Any]) -> str | None:
    """Tell what an event is about."""
    return next((kind for kind in (RUN, DATASET, JOB) if kind in event), None)


def time_of(said: str) -> int:
    """Give a checked time in microseconds since the epoch, UTC."""
    return (datetime.fromisoformat(said.upper()) - EPOCH) // timedelta(microseconds=1)


def facets_of(thing: Any, key: str = "facets") -> dict[str, dict[str, Any]]:
    """Give the facets that are there: null means none, and so does a facet that says it was deleted."""
    found = thing.get(key) or {} if isinstance(thing, dict) else {}
    return {name: one for name, one in found.items() if one is not None and one.get("_deleted") is not True}


def timed(said: Any, place: str, index: int) -> str:
    """Take a date-time of RFC 3339 with a zone."""
    if isinstance(said, str) and _DATE_TIME.match(said):
        try:
            time_of(said)
        except (ValueError, OverflowError):
            pass
        else:
            return said
    raise wrong(place, "a time such as 2026-07-01T12:00:00.000Z", index)


def text(said: Any, place: str, index: int, *, longest: int = LONGEST) -> str:
    """Take a text that is not empty."""
    if isinstance(said, str) and said.strip() and len(said) <= longest:
        return said
    raise wrong(place, f"a text of 1 to {longest} characters", index)


def wrong(place: str, wanted: str, index: int) -> Invalid:
    """Say what is wrong, and where."""
    return Invalid(
        f"{place or 'this'} is not what OpenLineage has there: {wanted}", kind="bad-lineage",
        hint="see https://openlineage.io/docs/spec/object-model", place=place, wanted=wanted, event=index,
    )  # fmt: skip


def _run(event: dict[str, Any], index: int) -> None:
    run = event["run"]
    if not isinstance(run, dict):
        raise wrong("run", "an object", index)
    try:
        UUID(text(run.get("runId"), "run.runId", index, longest=64))
    except ValueError:
        raise wrong("run.runId", "a UUID", index) from None
    said = event.get("eventType")
    if said is not None and said not in TYPES:
        raise wrong("eventType", f"one of {', '.join(TYPES)}", index)
    _facets(run, "facets", "run.facets", index)
    facets = facets_of(run)
    if "nominalTime" in facets:
        timed(facets["nominalTime"].get("nominalStartTime"), "run.facets.nominalTime.nominalStartTime", index)
    if "parent" in facets:
        parent = facets["parent"].get("run")
        named = parent.get("runId") if isinstance(parent, dict) else None
        text(named, "run.facets.parent.run.runId", index, longest=500)


def _job(job: Any, index: int) -> None:
    if not isinstance(job, dict):
        raise wrong("job", "an object", index)
    text(job.get("namespace"), "job.namespace", index)
    text(job.get("name"), "job.name", index)
    _facets(job, "facets", "job.facets", index)


def _dataset(one: Any, place: str, index: int) -> None:
    if not isinstance(one, dict):
        raise wrong(place, "an object", index)
    text(one.get("namespace"), f"{place}.namespace", index)
    text(one.get("name"), f"{place}.name", index)
    for key in ("facets", "inputFacets", "outputFacets"):
        _facets(one, key, f"{place}.{key}", index)


def _facets(thing: dict[str, Any], key: str, place: str, index: int) -> None:
    found = thing.get(key)
    if found is None:
        return
    if not isinstance(found, dict):
        raise wrong(place, "an object", index)
    for name, one in found.items():
        if one is not None and not isinstance(one, dict):
            raise wrong(f"{place}.{name[:100]}", "a facet, which is an object", index)
