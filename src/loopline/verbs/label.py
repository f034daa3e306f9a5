"""label: tell what was true."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final

from loopline.errors import Invalid
from loopline.loop import Loop
from loopline.nouns.name import RefName
from loopline.nouns.quality import NUMBER, TRUTHS, Labelled
from loopline.nouns.service import EVENT_TIME, UNIT
from loopline.verbs.deploying import service_at, service_ref
from loopline.verbs.instants import instant
from loopline.verbs.recorded import signals_of

if TYPE_CHECKING:
    from loopline.nouns.service import Service
    from loopline.signals.labels import Label

ID: Final = "id"
KNOWN_AT: Final = "known_at"
MOST: Final = 200_000
"""Labels that can be handed in at once."""


def label(
    loop: Loop,
    ref: Annotated[RefName, "service/delay@prod"],
    *,
    rows: Annotated[
        tuple[Mapping[str, Any], ...],
        'truths as JSON: {"id": "…", "label": 1}, or with the join columns instead of the id',
    ],
) -> Labelled:
    """Attach the truth to predictions, by their ids or by the columns that the service declares. Durable when it answers.

    The truth has the name that the service gives it (`target`, or else `label`). Of several labels of one prediction the newest
    counts; one that names no prediction waits for it. An id without `:ROW` means the first row of its request. `known_at` may
    tell when the truth was there, where that was earlier: it is what `quality --maturity` goes by.

    Example:
        loopline label service/delay@prod --row '{"id": "019f1c5e8a2b7c3d9e4f5a6b7c8d9e0f:0", "label": 1}'
    """
    from loopline.signals.labelling import take

    if not 0 < len(rows) <= MOST:
        raise Invalid(
            f"{len(rows)} labels were handed in", kind="too-many-labels" if rows else "no-labels",
            hint=f"hand in 1 to {MOST:,} at a time", labels=len(rows),
        )  # fmt: skip
    with loop.ledger.read() as tx:
        service = service_at(tx, loop, tx.refs.get(service_ref(ref)))
    now = loop.clock.now()
    found = [_label(service, row, n, now) for n, row in enumerate(rows)]
    return take(signals_of(loop, ref), found, dry=loop.ledger.dry)


def _label(service: Service, row: Mapping[str, Any], n: int, now: int) -> Label:
    from loopline.signals.labels import Label

    declared = service.labels
    target = next((one for one in (declared.target, "label") if one in row), None)
    if target is None:
        raise _bad(n, f"has no {declared.target!r}", f"give the truth as {declared.target!r}")
    names = set(row) - {target}
    value = _value(row[target], n, numeric=declared.kind == "regression")
    known = 0
    if KNOWN_AT in names and KNOWN_AT not in declared.join:
        names, known = names - {KNOWN_AT}, _known(row[KNOWN_AT], n, now)
    if names == {ID} and declared.join != (ID,):
        return Label(value, now, n, id=_id(row[ID], n), known_at=known)
    if declared.join and names == set(declared.join):
        return Label(value, now, n, by={name: _key(name, row[name], n) for name in declared.join}, known_at=known)
    ways = [ID, *([" and ".join(declared.join)] if declared.join else [])]
    beside = ", ".join(sorted(names)) or "nothing"
    raise _bad(n, f"has {beside} beside its truth", f"name the prediction by {' or by '.join(ways)} alone")


def _value(given: Any, n: int, *, numeric: bool) -> float | str:
    """Read a truth: numbers and truths are numbers, however they are written."""
    if isinstance(given, str):
        text = given.strip()
        if NUMBER.match(text):
            given = float(text)
        elif text.lower() in TRUTHS:
            given = TRUTHS[text.lower()]
        elif text and not numeric:
            return text
    if isinstance(given, (bool, int, float)) and abs(given) < 2**1000 and math.isfinite(given):
        return float(given)
    raise _bad(
        n, f"has no {'number' if numeric else 'value'} for its truth", "leave rows out whose truth is not known yet"
    )


def _known(given: Any, n: int, now: int) -> int:
    """Read when a truth was known; nothing tells of tomorrow."""
    at = instant(str(given))
    if at > now:
        raise _bad(n, f"was known only at {given}, which is still to come", "hand it in when it is known")
    return at


def _id(given: Any, n: int) -> str:
    if not isinstance(given, str) or not given or len(given) > 500:
        raise _bad(n, "has no id that a prediction can have", "give it as the answer said it")
    _, colon, row = given.rpartition(":")
    return given if colon and row.isascii() and row.isdigit() else f"{given}:0"


def _key(name: str, given: Any, n: int) -> str:
    """Write the value of a join column as text."""
    if name == UNIT and given == "":
        raise _bad(n, "does not say which unit it is about", "name the prediction by its id")
    if name == EVENT_TIME and isinstance(given, str):
        return str(instant(given))
    if isinstance(given, bool):
        return str(given).lower()
    if isinstance(given, (str, int)):
        return str(given)
    if isinstance(given, float) and math.isfinite(given):
        return str(int(given)) if given == int(given) else repr(given)
    raise _bad(n, f"has no value for {name!r}", "give every join column a text or a number")


def _bad(n: int, what: str, hint: str) -> Invalid:
    return Invalid(f"label {n} {what}", kind="bad-label", hint=hint, label=n)
