"""about: how a project is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.cli.render.policy import list_of_policy
from loopline.cli.render.words import when, who
from loopline.cli.text import aligned, clean, facts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from loopline.cli.screen import Screen
    from loopline.nouns.about import About


def about(value: About, screen: Screen) -> Iterator[str]:
    """Draw policies, who belongs to what, and workers."""
    in_force = "none" if value.policy is None else f"policy/{clean(value.project)}@{value.policy}"
    yield from facts([("project", clean(value.project)), ("events", str(value.events)), ("policy", in_force)])
    if value.policies:
        yield ""
        yield from list_of_policy(value.policies, screen)
    yield from _members("teams and roles", value.teams, screen)
    yield from _members("in every project", value.everywhere, screen)
    if value.workers:
        yield ""
        yield screen.paint("dim", "workers")
        rows = [
            [f"  {clean(one.name)}", clean(one.queue), when(one.seen_at, screen), clean(one.version)]
            for one in value.workers
        ]
        yield from aligned(rows, width=screen.width)


def _members(title: str, teams: Mapping[str, Sequence[str]], screen: Screen) -> Iterator[str]:
    if teams:
        yield ""
        yield screen.paint("dim", title)
        yield from facts([(clean(team), ", ".join(map(who, members))) for team, members in teams.items()], indent="  ")
