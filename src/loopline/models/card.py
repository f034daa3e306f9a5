"""card: what a person should know before using a model, in Markdown.

Headings after Mitchell et al. 2019, "Model Cards for Model Reporting" (FAT*), section 4. A card says what the ledger knows
and says of everything else that it is not known: an empty heading is information too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from loopline.models.flavors import About
from loopline.nouns.change import Change
from loopline.nouns.digest import short
from loopline.nouns.evaluation import Estimate, Evaluation
from loopline.nouns.profile import Profile
from loopline.nouns.run import Run
from loopline.nouns.signature import Column, Signature
from loopline.nouns.version import Version

LOWER_IS_BETTER: Final = frozenset({"log_loss", "brier", "calibration_error", "mae", "rmse", "mse"})
_UNKNOWN: Final = "*Not recorded.*"
_WORST: Final = 5
_MOST_COLUMNS: Final = 60


@dataclass(frozen=True, slots=True)
class Prose:
    """What only people can say; each is Markdown, and empty where nobody has said it."""

    intended_use: str = ""
    factors: str = ""
    ethical_considerations: str = ""
    caveats: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a card is made of: plain values that the caller has looked up. None and empty mean: not known."""

    version: Version
    about: About | None = None
    profile: Profile | None = None
    run: Run | None = None
    """The training run."""
    evaluation: Evaluation | None = None
    data: Sequence[str] = ()
    """What it was trained on, as pointers with digests: `data/flights@2 (sha256:9a12…)`."""
    evaluated_on: Sequence[str] = ()
    environment: str = ""
    """For people: `Python 3.11.7, linux-x86_64, scikit-learn 1.6.1, 52 distributions`."""
    refs: Sequence[str] = ()
    """Refs that point at it now."""
    changes: Sequence[Change] = ()
    """That moved a ref to it."""
    example: str = ""
    """Of its input, as JSON."""
    timezone: str = "UTC"
    prose: Prose = field(default_factory=Prose)


def card(facts: Facts) -> str:
    """Write the card. The same facts give the same text."""
    sections = [
        _title(facts),
        ("Model details", _details(facts)),
        ("Intended use", facts.prose.intended_use or _UNKNOWN),
        ("Inputs and outputs", _inputs(facts)),
        ("Factors", _factors(facts)),
        ("Metrics", _metrics(facts.evaluation)),
        ("Evaluation data", _evaluated_on(facts)),
        ("Training data", _bullets(facts.data) or _UNKNOWN),
        ("Quantitative analyses", _slices(facts.evaluation)),
        ("Ethical considerations", facts.prose.ethical_considerations or _UNKNOWN),
        ("Caveats and recommendations", _caveats(facts)),
        ("Provenance", _provenance(facts)),
        ("Approvals and movements", _movements(facts)),
    ]
    return "\n\n".join(one if isinstance(one, str) else f"## {one[0]}\n\n{one[1]}" for one in sections) + "\n"


def _title(facts: Facts) -> str:
    version = facts.version
    lines = [f"# {version}"]
    if version.quarantined:
        lines.append("> **Quarantined.** No automation moves a ref to this version.")
    if facts.about is not None and facts.about.pickle:
        lines.append(
            "> **Stored as a pickle**, or with code of its own. Loading it can run anything: load it only if you trust whoever"
            " made it."
        )
    if version.message:
        lines.append(_line(version.message))
    if version.text:
        lines.append(_line(version.text))
    return "\n\n".join(lines)


def _details(facts: Facts) -> str:
    version, about = facts.version, facts.about
    rows = [
        ("Version", f"{version} (`{short(version.artifact.digest)}`)"),
        ("Kind of model", f"`{about.kind}`" if about else ""),
        ("Format", f"{about.flavour}, {_bytes(about.size)}" if about else ""),
        (
            "Libraries",
            ", ".join(f"{name} {number}" for name, number in sorted(about.versions.items())) if about else "",
        ),
        ("Author", version.author),
        ("Recorded", _time(version.recorded_at, facts.timezone)),
        ("Parameters", _pairs(facts.run.params) if facts.run else ""),
        ("Reference for drift", _profiled(facts.profile)),
        ("Current at", ", ".join(f"`{ref}`" for ref in facts.refs) or "no ref"),
    ]
    return _table(("", ""), [(word, _cell(value) or _UNKNOWN) for word, value in rows])


def _profiled(profile: Profile | None) -> str:
    if profile is None:
        return ""
    answers = f", {len(profile.outputs)} of answers" if profile.outputs else ""
    return f"{profile.rows:,} training rows, {len(profile.inputs)} columns{answers}"


def _inputs(facts: Facts) -> str:
    text = _signature(facts.about.signature if facts.about else None)
    shown = facts.example.replace("```", "` ` `")
    return f"{text}\n\nAn example of its input:\n\n```json\n{shown}\n```" if shown else text


def _signature(signature: Signature | None) -> str:
    if signature is None or not (signature.inputs or signature.outputs):
        return _UNKNOWN
    parts = []
    for word, columns in (("Inputs", signature.inputs), ("Outputs", signature.outputs)):
        rows = [
            (f"`{_cell(column.name)}`", column.type or "not known", _seen(column), "yes" if column.nullable else "no")
            for column in columns[:_MOST_COLUMNS]
        ]
        more = f"\n\n… and {len(columns) - _MOST_COLUMNS} more." if len(columns) > _MOST_COLUMNS else ""
        parts.append(f"**{word}**\n\n{_table((word[:-1], 'Type', 'Seen in training', 'Empty allowed'), rows)}{more}")
    return "\n\n".join(parts)


def _seen(column: Column) -> str:
    if column.values:
        shown = ", ".join(_cell(value) for value in column.values[:8])
        return f"{shown}, … ({len(column.values)} values)" if len(column.values) > 8 else shown
    if column.low is not None and column.high is not None:
        return f"{column.low:g} to {column.high:g}"
    return "not recorded"


def _factors(facts: Facts) -> str:
    if facts.prose.factors:
        return facts.prose.factors
    cut = sorted({one.slice for one in facts.evaluation.estimates if one.slice}) if facts.evaluation else []
    return f"Measured apart by {_and([f'`{name}`' for name in cut])}." if cut else "*No slice was measured.*"


def _metrics(evaluation: Evaluation | None) -> str:
    whole = [one for one in evaluation.estimates if not one.slice] if evaluation else []
    if not whole:
        return "*Nothing was measured.*"
    paired = any(one.base is not None for one in whole)
    head = ["Metric", "Value", "95 % interval", "Rows", *(["Base", "Difference to base"] if paired else [])]
    rows = [
        (
            f"{one.metric} {'↓' if one.metric in LOWER_IS_BETTER else '↑'}",
            _number(one.value),
            _interval(one.low, one.high),
            f"{one.n:,}",
            *([_number(one.base), _difference(one)] if paired else []),
        )
        for one in whole
    ]
    note = "↑ higher is better, ↓ lower is better. Intervals are percentile bootstrap intervals"
    return f"{_table(head, rows)}\n\n{note}{'; differences are paired on the same rows' if paired else ''}."


def _evaluated_on(facts: Facts) -> str:
    said = [*facts.evaluated_on]
    if facts.evaluation is not None:
        said.extend(f"{_line(key)}: {_line(value)}" for key, value in facts.evaluation.facts.items())
    return _bullets(said) or _UNKNOWN


def _slices(evaluation: Evaluation | None) -> str:
    cut = [one for one in evaluation.estimates if one.slice] if evaluation else []
    if evaluation is None or not cut:
        return "*No slice was measured: how evenly the model does is not known.*"
    parts = []
    for metric in dict.fromkeys(one.metric for one in cut):
        worst = sorted((one for one in cut if one.metric == metric), key=_badness)
        rows = [
            (
                f"{_cell(one.slice)} = {_cell(one.member)}",
                _number(one.value),
                _interval(one.low, one.high),
                f"{one.n:,}",
                _note(one),
            )
            for one in worst[:_WORST]
        ]
        whole = evaluation.find(metric)
        against = f" (all rows: {_number(whole.value)})" if whole else ""
        counted = f"worst {len(rows)} of {len(worst)} slices"
        parts.append(
            f"**{metric}**, {counted}{against}\n\n{_table(('Slice', 'Value', '95 % interval', 'Rows', 'To base'), rows)}"
        )
    return "\n\n".join(parts)


def _badness(one: Estimate) -> float:
    return -one.value if one.metric in LOWER_IS_BETTER else one.value


def _note(one: Estimate) -> str:
    return _difference(one) if one.base is not None else "no base"


def _caveats(facts: Facts) -> str:
    said = [facts.prose.caveats] if facts.prose.caveats else []
    signature = facts.about.signature if facts.about else None
    if signature is not None and any(not column.type for column in signature.inputs):
        said.append("Types of some inputs are not known: the model was not signed with its training rows.")
    if facts.evaluation is None:
        said.append("Nothing was measured: do not rely on this model.")
    elif not any(one.slice for one in facts.evaluation.estimates):
        said.append("No slices were measured: it may do badly on some groups without showing it here.")
    if facts.evaluation is not None and all(one.base is None for one in facts.evaluation.estimates):
        said.append("It was not compared with another model on the same rows.")
    if facts.run is not None and facts.run.commit and facts.run.commit.endswith("+dirty"):
        said.append("It was trained from uncommitted edits; the source tree as run is kept by digest.")
    return _bullets(said) or "*None recorded.*"


def _provenance(facts: Facts) -> str:
    run = facts.run
    rows = [
        ("Training run", f"`{run.id}` ({_line(run.name)}, {run.state.value})" if run else ""),
        ("Source tree", f"`{short(run.code)}`" if run and run.code else ""),
        ("Git commit", f"`{run.commit}`" if run and run.commit else ""),
        ("Environment", facts.environment or (f"`{short(run.environment)}`" if run and run.environment else "")),
        ("Took", _duration(run) if run else ""),
        ("Artifact", f"`{facts.version.artifact.digest}`"),
    ]
    return _table(("", ""), [(word, _cell(value) or _UNKNOWN) for word, value in rows])


def _movements(facts: Facts) -> str:
    if not facts.changes:
        return "*No ref has moved to this version.*"
    lines = []
    for change in facts.changes:
        moves = ", ".join(f"`{move}`" for move in change.moves)
        when = _time(change.closed_at or change.created_at, facts.timezone)
        lines.append(f"- {moves}: {change.state.value}, {when}, by {change.author}. {_line(change.reason)}")
        for one in change.approvals:
            word = "approved" if one.answer == "approve" else "rejected"
            doubts = [
                text for text, holds in (("unverified", not one.verified), ("no longer counts", one.stale)) if holds
            ]
            extra = f" ({', '.join(doubts)})" if doubts else ""
            lines.append(f"  - {word} by {one.actor}{extra}{f': {_line(one.comment)}' if one.comment else ''}")
        if change.override is not None:
            lines.append(f"  - **policy overridden** by {change.override.actor}: {_line(change.override.reason)}")
        if not change.approvals and change.override is None:
            lines.append("  - nobody approved it")
    return "\n".join(lines)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _pairs(values: Mapping[str, str]) -> str:
    return ", ".join(f"{_line(key)} = {_line(value)}" for key, value in sorted(values.items()))


def _line(text: str) -> str:
    """Keep free text on one line, and keep it from being markup of ours."""
    return " ".join(text.split()).replace("<", "&lt;")


def _cell(text: str) -> str:
    return _line(text).replace("|", "\\|")


def _and(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _interval(low: float | None, high: float | None) -> str:
    return "not computed" if low is None or high is None else f"{low:.4f} to {high:.4f}"


def _difference(one: Estimate) -> str:
    if one.delta is None:
        return "–"
    if one.delta_low is None or one.delta_high is None:
        return f"{one.delta:+.4f}"
    better = one.delta_high < 0 if one.metric in LOWER_IS_BETTER else one.delta_low > 0
    worse = one.delta_low > 0 if one.metric in LOWER_IS_BETTER else one.delta_high < 0
    word = "better" if better else "worse" if worse else "not told apart"
    return f"{one.delta:+.4f} ({one.delta_low:+.4f} to {one.delta_high:+.4f}): {word}"


def _bytes(size: int) -> str:
    if size < 10_000:
        return f"{size} B"
    return f"{size / 1e3:.0f} kB" if size < 1e7 else f"{size / 1e6:.0f} MB"


def _time(microseconds: int, zone: str) -> str:
    if not microseconds:
        return ""
    start = datetime(1970, 1, 1, tzinfo=UTC)
    return (start + timedelta(microseconds=microseconds)).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M %Z")


def _duration(run: Run) -> str:
    if run.started_at is None or run.ended_at is None:
        return ""
    seconds = (run.ended_at - run.started_at) / 1e6
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
