"""deployment: what is served, where, and how it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.cli.render.words import status, target, when
from loopline.cli.text import aligned, clean, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopline.cli.screen import Screen
    from loopline.nouns.deployment import Deployment


def list_of_deployment(values: Sequence[Deployment], screen: Screen) -> Iterator[str]:
    """Draw one line a deployment, and below it why it is not as it should be."""
    rows = aligned([_row(one, screen) for one in values], width=screen.width)
    for one, row in zip(values, rows, strict=True):
        yield row
        if one.message:
            yield f"  {screen.paint('wait', clean(one.message))}"
        for line in one.behind:
            again = f"→ loopline deploy {clean(one.ref)}"
            yield f"  {screen.paint('wait', 'behind')}: {clean(line)}  {screen.paint('dim', again)}"


def _row(one: Deployment, screen: Screen) -> list[str]:
    answers = "" if one.serving is None or one.serving == one.number else f"{target(one.serving)} answers"
    return [
        screen.paint("name", clean(one.ref)),
        screen.paint("head", target(one.number)),
        status(one.state, screen),
        answers,
        clean(one.url),
        f"grpc {clean(one.grpc)}" if one.grpc else "",
        when(one.since, screen) if one.since else "",
        plural(one.restarts, "restart") if one.restarts else "",
    ]
