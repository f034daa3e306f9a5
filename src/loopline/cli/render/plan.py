"""plan: what a pipeline would do, what it did, and whether it could be repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.cli.render.words import short_id, status
from loopline.cli.text import aligned, clean, facts, number, span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopline.cli.screen import Screen
    from loopline.nouns.evaluation import Evaluation
    from loopline.nouns.plan import Outlook, Ran, Repeat
    from loopline.nouns.run import Run


def outlook(value: Outlook, screen: Screen) -> Iterator[str]:
    """Draw what would happen, a line a step."""
    known = sum(step.standing == "cached" for step in value.steps)
    yield f"{screen.paint('head', clean(value.pipeline))}  {known} of {len(value.steps)} steps are known"
    yield from facts(
        [(screen.paint("dim", clean(key)), clean(text)) for key, text in value.params.items()], indent="  "
    )
    words = {"cached": "cached", "run": "would run", "waits": "waits"}
    rows = []
    for step in value.steps:
        first, *rest = step.why or ("",)
        why = f"from run {short_id(step.origin)}" if step.origin else first
        rows.append([screen.paint("name", clean(step.node)), words[step.standing], clean(why)])
        rows += [["", "", clean(line)] for line in rest]
    yield from aligned(rows)


def ran(value: Ran, screen: Screen) -> Iterator[str]:
    """Draw what ran: steps with their times, what was published and measured, and where it went wrong."""
    run = value.run
    yield f"{screen.paint('head', f'run {short_id(run.id)}')}  {clean(run.name)}  {status(run.state, screen)}{_took(run)}"
    rows = [
        [
            screen.paint("name", clean(step.name)),
            status(step.state, screen),
            _took(step).strip() if step.state != "cached" else "",
            f"from {short_id(step.origin)}" if step.origin else "critical path" if step.name in value.critical_path else "",
        ]
        for step in value.steps
    ]  # fmt: skip
    yield from aligned(rows, right={2})
    if value.saved:
        yield screen.paint("dim", f"the cache saved {span(value.saved)}")
    for step in value.steps:
        if step.error:
            yield ""
            yield screen.paint("bad", f"{clean(step.name)}: {clean(step.error)}")
            yield from (
                screen.paint("dim", f"  {clean(line)}") for line in value.logs.get(step.name, "").splitlines()[-15:]
            )
    if not run.state.good and "→" not in (run.error or ""):
        again = (
            f"loopline run {clean(run.name)}" if run.state == "failed" else f"loopline run --resume {short_id(run.id)}"
        )
        yield f"{screen.paint('name', '→')} {again}  (what finished comes from the cache)"
    for evaluation in value.evaluations.values():
        yield ""
        yield from _evaluation(evaluation, screen)
    for version in value.published:
        yield ""
        word = "published" if version.run == run.id else "the same bytes as before: nothing new to publish"
        yield f"{screen.paint('name', str(version))}  {word}"


def repeat(value: Repeat, screen: Screen) -> Iterator[str]:
    """Draw whether a run came out the same."""
    good = not value.different and value.again.state == "finished"
    word = status("pass" if good else "fail", screen)
    total = len(value.equal) + len(value.different)
    yield f"{word}  {len(value.equal)} of {total} outputs are equal byte for byte"
    yield from facts(
        [
            (screen.paint("dim", "original"), f"run {short_id(value.original.id)}{_took(value.original)}"),
            (screen.paint("dim", "again"), f"run {short_id(value.again.id)}{_took(value.again)}"),
            (screen.paint("dim", "packages"), clean(value.environment)),
        ],
        indent="  ",
    )
    if value.again.error:
        yield screen.paint("bad", clean(value.again.error))
    yield from (f"  differs: {clean(name)}" for name in value.different)


def _evaluation(evaluation: Evaluation, screen: Screen) -> Iterator[str]:
    if evaluation.observations:
        from loopline.cli.render.expected import observations

        yield from observations(evaluation.observations, screen, whole=True)
    rows = [
        [
            clean(one.metric), number(one.value),
            "" if one.low is None or one.high is None else screen.paint("dim", f"[{number(one.low)}, {number(one.high)}]"),
        ]
        for one in evaluation.estimates
        if not one.slice
    ]  # fmt: skip
    yield from aligned(rows, right={1})
    slices = dict.fromkeys(one.slice for one in evaluation.estimates if one.slice)
    if slices:
        parts = len({(one.slice, one.member) for one in evaluation.estimates if one.slice})
        yield screen.paint("dim", f"and {parts} slices by {', '.join(clean(name) for name in slices)}")


def _took(run: Run) -> str:
    if run.started_at is None or run.ended_at is None:
        return ""
    return f"  {span(max(0, run.ended_at - run.started_at))}"
