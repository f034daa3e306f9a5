"""expecting: a version held against what its tables must hold, shared by `check` and `expect`.

What a check says of tables needs no code of a run: files are opened as every table is, on a server in a process of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from loopline.errors import Invalid, LooplineError, Refused
from loopline.nouns.artifact import EVALUATION, TREE
from loopline.nouns.evaluation import Evaluation
from loopline.nouns.expectation import Observation, in_short, read_observation, write_expectation
from loopline.nouns.name import Named, parse_pointer
from loopline.nouns.progress import Progress
from loopline.nouns.run import Link, Run, RunState
from loopline.nouns.verdict import Result, Verdict
from loopline.verbs.permitting import may_read
from loopline.verbs.rowmerging import key_of

if TYPE_CHECKING:
    from loopline.datasets.expectations import Asked
    from loopline.ledger.ledger import Tables
    from loopline.loop import Loop, Reading
    from loopline.nouns.change import Change, Move
    from loopline.nouns.check import Check
    from loopline.nouns.entry import Entry
    from loopline.nouns.expectation import Expectation
    from loopline.nouns.version import Version

FILES: Final = 10_000
"""Tables of a version that are looked at; with more, nothing is said."""
PATIENCE: Final = 600.0
"""Seconds that a check may take for one set of files on a server, where nobody waits for its answer."""
OUTPUT: Final = "expected"
"""What a check's run calls what it has found."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is held against expectations."""

    version: Version
    base: Version | None
    others: Mapping[str, Version]
    """Versions of the data that are referred to, by pointer as it is written."""


def subject_of(tx: Tables, loop: Loop, version: Version, base: Version | None, checks: Sequence[Check]) -> Subject:
    """Find what else a version is held against. Raise NotFound, Refused kind="not-allowed", "quarantined"."""
    pointers = {one.refers for check in checks for one in check.expect if one.refers}
    return Subject(version, base, {pointer: _referred(tx, loop, pointer) for pointer in sorted(pointers)})


def _referred(tx: Tables, loop: Loop, written: str) -> Version:
    pointer = parse_pointer(written, project=loop.project)
    may_read(loop, pointer.asset)
    version = tx.versions.resolve(pointer)
    if version.quarantined and isinstance(pointer.revision, Named):
        reason = tx.versions.quarantined(version.asset, version.number)
        raise Refused(
            f"{pointer} is {version}, which is in quarantine: {reason}", kind="quarantined",
            hint=f"to look there all the same, write {version}", version=str(version), reason=reason,
        )  # fmt: skip
    return version


def observations(loop: Loop, subject: Subject, check: Check, *, patience: float) -> tuple[Observation, ...]:
    """Hold the tables of a version against what a check expects of them. Raise what opening tables raises."""
    from loopline.datasets.expectations import Asked
    from loopline.verbs.comparing import on_disk

    version = subject.version
    since = version.event_time or version.recorded_at
    key = key_of(version) or unique_in(check)
    asked = Asked(missing=check.missing, key=key, now=loop.clock.now(), version=since)
    base = tables_of(loop, subject.base) if subject.base else None
    others = {pointer: tables_of(loop, one) for pointer, one in subject.others.items()}
    every = tables_of(loop, version)
    entries = {one.path: one for pattern in _sets(check.expect) for one in chosen(every, pattern)}
    with on_disk(loop, [*entries.values()]) as paths:
        files = dict(zip(entries, paths, strict=True))
        return look_into(loop, check, files, base=base, others=others, asked=asked, patience=patience)


def unique_in(check: Check) -> tuple[str, ...]:
    """Give the columns that a check expects to name a row; none where it expects none to."""
    return next((one.columns for one in check.expect if one.unique), ())


def look_into(
    loop: Reading,
    check: Check,
    files: Mapping[str, Path],
    *,
    base: Sequence[Entry] | None,
    others: Mapping[str, Sequence[Entry]],
    asked: Asked,
    patience: float,
) -> tuple[Observation, ...]:
    """Hold tables against what a check expects, one set of files after the other."""
    from loopline.datasets.only import Only
    from loopline.verbs.comparing import on_disk

    found: list[Observation] = []
    sets = _sets(check.expect)
    for number, (pattern, expectations) in enumerate(sets.items()):
        loop.report(Progress(check.name, number, len(sets), "tables"))
        only = Only((pattern,) if pattern else ())
        mine = {path: place for path, place in files.items() if only(path)}
        with ExitStack() as stack:
            there = {
                one.refers: stack.enter_context(on_disk(loop, [*others[one.refers]]))
                for one in {one.refers: one for one in expectations if one.refers}.values()
            }
            shape = None
            if base is not None and any(one.like_base or _changes(one) for one in expectations):
                shape = _shape(loop, chosen(base, pattern), check.missing)
            found += observed(loop, mine, expectations, asked=asked, base=shape, others=there, patience=patience)
    loop.report(Progress(check.name, len(sets), len(sets), "tables"))
    return tuple(found)


def observed(
    loop: Reading,
    files: Mapping[str, Path],
    expectations: Sequence[Expectation],
    *,
    asked: Asked,
    base: Mapping[str, Any] | None,
    others: Mapping[str, Sequence[Path]],
    patience: float,
) -> list[Observation]:
    """Hold one set of files against expectations, on a server in a process of its own."""
    from loopline.datasets.apart import apart
    from loopline.datasets.expectations import Shape, observe

    if loop.caller is None:
        shape = Shape(**base) if base else None
        return observe(files, expectations, replace(asked, base=shape, others=others, scratch=loop.work))
    told: dict[str, Any] = {
        "files": {path: str(place) for path, place in files.items()},
        "expectations": [write_expectation(one) for one in expectations],
        "base": base,
        "others": {pointer: list(map(str, paths)) for pointer, paths in others.items()},
        "missing": list(asked.missing), "key": list(asked.key), "now": asked.now, "version": asked.version,
    }  # fmt: skip
    return [read_observation(one) for one in apart("observe", told, scratch=loop.work, seconds=patience)]


def _shape(loop: Reading, entries: Sequence[Entry], missing: Sequence[str]) -> Mapping[str, Any] | None:
    """Tell rows and columns of a base; None where it has no such files, or none that can be read."""
    from loopline.verbs.tabling import shape

    if not entries:
        return None
    try:
        return shape(loop, entries, missing)
    except Invalid:  # what is wrong with the base must not keep from mending it
        return None


def tables_of(loop: Reading, version: Version) -> list[Entry]:
    """Name the tables of a version. Raise Refused kind="too-many-tables"."""
    from loopline.datasets.tree import Tree

    artifact = version.artifact
    if artifact.media_type != TREE:
        return []
    return list(only_tables(Tree(loop.blobs, artifact.digest).iter(), str(version)))


def only_tables(entries: Iterator[Entry], subject: str) -> list[Entry]:
    """Leave those files that are read as tables. Raise Refused kind="too-many-tables"."""
    from loopline.datasets.tables import ending_of

    found = list(islice((one for one in entries if ending_of(one.path)), FILES + 1))
    if len(found) > FILES:
        raise Refused(
            f"{subject} has more than {FILES:,} tables", kind="too-many-tables",
            hint="put the rows into fewer files", most=FILES,
        )  # fmt: skip
    return found


def chosen(entries: Sequence[Entry], pattern: str) -> list[Entry]:
    """Leave those files that a pattern names; all for none."""
    from loopline.datasets.only import Only

    only = Only((pattern,) if pattern else ())
    return [one for one in entries if only(one.path)]


def _sets(expectations: Sequence[Expectation]) -> dict[str, list[Expectation]]:
    found: dict[str, list[Expectation]] = {}
    for one in expectations:
        found.setdefault(one.files, []).append(one)
    return found


def _changes(one: Expectation) -> bool:
    return one.change_min is not None or one.change_max is not None


def answer(loop: Loop, check: Check, move: Move, change: Change, *, run: str) -> Verdict:
    """Answer a check of expectations about one move, as a run which keeps what was found."""
    asset = move.ref.asset
    with loop.ledger.write(loop.project, loop.actor) as tx:
        version = tx.versions.get(asset, move.new or 0)
        base = tx.versions.find(asset, move.old) if move.old is not None else None
        params = {"candidate": str(version)} | ({"base": str(base)} if base else {})
        tx.runs.start(
            Run(
                id=run, project=loop.project, name=check.name, kind="check", state=RunState.RUNNING, actor=str(loop.actor),
                started_at=tx.now, params=params, tags={"change": change.id},
            )
        )  # fmt: skip
        tx.lineage.record(run, project=loop.project, inputs=[*_links(candidate=version, base=base)])
        tx.say("run.started", run, name=check.name, kind="check", params=params)
    try:
        with loop.ledger.read() as tx:
            subject = subject_of(tx, loop, version, base, (check,))
        found = observations(loop, subject, check, patience=PATIENCE)
    except BaseException as error:
        state = RunState.CANCELLED if isinstance(error, KeyboardInterrupt) else RunState.CRASHED
        with suppress(LooplineError):  # then whoever buries says it
            _finished(loop, check, run, state, str(error))
        if not isinstance(error, LooplineError):
            raise
        said = f"{error.message} → {error.hint}" if error.hint else error.message
        return Verdict(check.name, change.head, Result.ERROR, run, loop.clock.now(), said)
    summary, holds = in_short(found), all(one.holds for one in found)
    links = [*_links(**subject.others)]
    _keep(loop, run, Evaluation((), observations=found), links)
    _finished(loop, check, run, RunState.FINISHED if holds else RunState.FAILED, "" if holds else summary)
    result = Result.PASS if holds else Result.FAIL
    return Verdict(check.name, change.head, result, run, loop.clock.now(), summary, observations=found)


def _links(**versions: Version | None) -> Iterator[Link]:
    for name, one in versions.items():
        if one is not None:
            artifact = one.artifact
            yield Link(name, artifact.digest, artifact.media_type, artifact.size, str(one.asset), one.number)


def _keep(loop: Loop, run: str, found: Evaluation, inputs: Sequence[Link]) -> None:
    """Keep what was found, as what the run has made; and say what else it has read."""
    from loopline.pipelines.codecs import EvaluationCodec

    body = EvaluationCodec().to_bytes(found)
    output = Link(OUTPUT, loop.blobs.put(body), EVALUATION, len(body))
    with loop.ledger.write(loop.project, loop.actor) as tx:
        tx.lineage.record(run, project=loop.project, inputs=inputs, outputs=[output])
        tx.say("run.logged", run, outputs=[OUTPUT])


def _finished(loop: Loop, check: Check, run: str, state: RunState, error: str) -> None:
    with loop.ledger.write(loop.project, loop.actor) as tx:
        tx.runs.move(run, state, error=error or None)
        tx.say("run.finished", run, name=check.name, state=str(state), error=error or None)


def kept(loop: Loop, run: Run) -> tuple[Observation, ...]:
    """Read what a run has found of what was expected; nothing where its bytes are gone."""
    from loopline.pipelines.codecs import EvaluationCodec

    found: list[Observation] = []
    for link in run.outputs:
        if link.media_type == EVALUATION and loop.blobs.size(link.digest) is not None:
            with suppress(LooplineError):
                found += EvaluationCodec().from_bytes(loop.blobs.read(link.digest)).observations
    return tuple(found)


def with_observations(loop: Loop, change: Change) -> Change:
    """Give a change whose verdicts tell what was expected and how that stands."""
    runs = [one.run for one in change.verdicts if one.run and one.result in (Result.PASS, Result.FAIL)]
    if not runs:
        return change
    with loop.ledger.read() as tx:
        found = {run: tx.runs.find(run) for run in runs}
    told = {run: kept(loop, one) for run, one in found.items() if one is not None}
    verdicts = (replace(one, observations=told.get(one.run or "", ())) for one in change.verdicts)
    return replace(change, verdicts=tuple(verdicts))
