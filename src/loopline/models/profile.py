"""profile: what the rows of a training looked like, and what the model answered on them, as a reference for later.

`sign(model, X)` attaches it beside the signature, and the codec writes it as `profile.json` into the model's folder, so it
travels with the model. A reference has to be of the rows that this model was fitted on: profiles of data assets
(datasets/profile.py) are of whole files, are computed when somebody first looks and are kept by the digest of the bytes, so
adding data costs nothing for them (decision 0011).
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from loopline.errors import Invalid
from loopline.models import columns
from loopline.nouns.event import canonical
from loopline.nouns.profile import ColumnProfile, Profile

ATTRIBUTE: Final = "_loopline_profile"
PROFILE_FILE: Final = "profile.json"
BINS: Final = 50
FREQUENT: Final = 100
ANSWERED: Final = 20_000
"""Rows that the model is asked about, at most."""
_WIDEST: Final = 1_000
"""Columns of a table that are looked at: each costs about a kilobyte in every copy of the model."""
_LONGEST: Final = 200
"""Characters of a text that is kept; a longer one is no category."""
_RARE: Final = 5
"""Of a column with more than FREQUENT texts only those that occur as often are kept: others tell nothing, and may be names."""
_DIGITS: Final = 9
"""Of means, and of answers: the last digits of a float differ between machines, and equal models must give equal bytes."""


def profile(model: Any, rows: Any) -> Profile:
    """Count the columns of `rows`, and what the model answers on them (on 20,000 evenly spaced ones where there are more).

    The same rows give the same profile. A model that cannot answer is warned about, and has no outputs in it.
    """
    inputs = tuple(of_column(values) for values, _ in zip(columns.read(rows), range(_WIDEST), strict=False))
    if not columns.named(rows):
        names = [str(name) for name in getattr(model, "feature_names_in_", ())]
        if len(names) == len(inputs):
            inputs = tuple(replace(one, name=name) for one, name in zip(inputs, names, strict=True))
    return Profile(inputs[0].rows if inputs else 0, inputs, _outputs(model, rows))


def of_column(values: columns.Values) -> ColumnProfile:
    """Count one column."""
    rows = len(values.present) + values.nulls
    if values.type in ("BYTES", "BOOL"):
        return _of_texts(values, rows)
    return _of_numbers(values, rows)


def attached(model: Any) -> Profile | None:
    """Read what `sign` attached; None where nothing was."""
    text = getattr(model, ATTRIBUTE, None)
    return decode(text.encode()) if isinstance(text, str) else None


def encode(found: Profile) -> bytes:
    """Write `profile.json`: equal profiles give equal bytes."""
    import msgspec

    return canonical(msgspec.to_builtins(found))


def decode(data: bytes) -> Profile:
    """Read `profile.json`. Raise Invalid kind="bad-profile" for anything else."""
    import msgspec

    try:
        return msgspec.json.decode(data, type=Profile)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(
            f"the profile cannot be read: {error}", kind="bad-profile", hint="fetch the model again"
        ) from error


def read(folder: Path) -> Profile | None:
    """Read the profile of a model's folder; None where the model was made without."""
    try:
        return decode(Path(folder, PROFILE_FILE).read_bytes())
    except FileNotFoundError:
        return None


def _of_texts(values: columns.Values, rows: int) -> ColumnProfile:
    counted: Counter[str]
    if values.type == "BOOL":
        true = int(values.present.sum())
        counted = +Counter({"true": true, "false": len(values.present) - true})
    else:
        counted = Counter(map(str, values.present.tolist()))
    least = _RARE if len(counted) > FREQUENT else 1
    kept = sorted(
        ((text, count) for text, count in counted.items() if count >= least and len(text) <= _LONGEST),
        key=lambda one: (-one[1], one[0]),
    )[:FREQUENT]
    return ColumnProfile(
        values.name, values.type, rows, values.nulls, values=tuple(text for text, _ in kept),
        frequencies=tuple(count for _, count in kept), others=len(values.present) - sum(count for _, count in kept),
    )  # fmt: skip


def _of_numbers(values: columns.Values, rows: int) -> ColumnProfile:
    """Cut at quantiles that are values themselves; few distinct values get a bin each."""
    import numpy as np

    present = values.present.astype(np.float64)
    ordered = np.sort(present[np.isfinite(present)])
    infinite = len(present) - len(ordered)
    if not ordered.size:
        return ColumnProfile(values.name, values.type, rows, values.nulls, infinite)
    inner = BINS - 2
    distinct = ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))]
    if len(distinct) > inner:
        places = -(-np.arange(1, inner + 1) * len(ordered) // inner) - 1
        distinct = np.unique(ordered[places])
    below = np.nextafter(ordered[0], -np.inf)
    edges = np.concatenate(([below], distinct)) if np.isfinite(below) else distinct
    upto = np.searchsorted(ordered, edges, side="right")
    counts = np.diff(np.concatenate(([0], upto, [len(ordered)])))
    with np.errstate(over="ignore", invalid="ignore"):
        mean, std = float(ordered.mean()), float(ordered.std())
    return ColumnProfile(
        values.name, values.type, rows, values.nulls, infinite, tuple(edges.tolist()), tuple(counts.tolist()),
        float(ordered[0]), float(ordered[-1]), _short(mean), _short(std),
    )  # fmt: skip


def _short(value: float) -> float | None:
    """Leave out the digits that differ between machines; None where the number is beyond what can be said."""
    return float(f"{value:.{_DIGITS}g}") if value - value == 0 else None


def _outputs(model: Any, rows: Any) -> tuple[ColumnProfile, ...]:
    if not hasattr(model, "predict"):
        return ()
    try:
        some = _some(rows)
        methods = [one for one in ("predict", "predict_proba") if hasattr(model, one)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # rows without names, say: whoever fitted has heard of it
            answers = [(one, getattr(model, one)(some)) for one in methods]
    except Exception as error:  # noqa: BLE001 (whatever a model raises: the signature and the inputs are true all the same)
        warnings.warn(f"the model does not answer on these rows, so its answers have no profile: {error}", stacklevel=3)
        return ()
    return tuple(
        of_column(columns.Values(values.name, values.type, _rounded(values.present), values.nulls))
        for method, answer in answers
        for values in _answered(method, answer)
    )


def _answered(method: str, answer: Any) -> Iterator[columns.Values]:
    """Give the columns of an answer: of probabilities all but the first, which the others tell."""
    import numpy as np

    array = np.asarray(answer)
    if array.ndim < 2:
        yield from columns.read({method: array})
    elif array.ndim == 2:
        for at in range(1 if method == "predict_proba" else 0, min(array.shape[1], FREQUENT)):
            yield from columns.read({f"{method}[{at}]": array[:, at]})


def _rounded(present: Any) -> Any:
    import numpy as np

    if present.dtype.kind != "f":
        return present
    return np.fromiter((float(f"{one:.{_DIGITS}g}") for one in present.tolist()), np.float64, len(present))


def _some(rows: Any) -> Any:
    """Give every row, or ANSWERED of them, evenly spaced."""
    import numpy as np

    if isinstance(rows, Mapping):
        count = len(next(iter(rows.values()), ()))
    else:
        count = rows.shape[0] if hasattr(rows, "shape") else len(rows)
    if count <= ANSWERED:
        return rows
    at = np.arange(ANSWERED) * count // ANSWERED
    if hasattr(rows, "iloc"):
        return rows.iloc[at]
    if hasattr(rows, "take") and hasattr(rows, "column_names"):
        return rows.take(at)
    if isinstance(rows, Mapping):
        return {name: np.asarray(values)[at] for name, values in rows.items()}
    return rows[at] if hasattr(rows, "shape") else [rows[one] for one in at.tolist()]
