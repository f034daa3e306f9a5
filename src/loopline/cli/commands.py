"""commands: everything that can stand behind `loopline`, found without importing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loopline.cli import local
from loopline.errors import Invalid
from loopline.verbs import GROUPS, VERBS, Verb
from loopline.verbs import load as load_verb

if TYPE_CHECKING:
    from collections.abc import Callable


def commands() -> tuple[Verb, ...]:
    """Give verbs and local commands in the order of the loop, by group.

    A local command with the name of a verb stands in front of it: `add` reads files here, then asks the loop.
    """
    mine = {one.name: one for one in local.COMMANDS}
    verbs = [mine.pop(one.name, one) for one in VERBS]
    every = [*mine.values(), *verbs]
    order = list(dict.fromkeys([*GROUPS, *(one.group for one in every)]))
    return tuple(sorted(every, key=lambda one: order.index(one.group)))


def find(name: str) -> Verb:
    """Look a command up by its written name. Raise Invalid that guesses what was meant."""
    wanted = name.replace("-", "_")
    for one in (*local.COMMANDS, *VERBS):
        if one.name == wanted:
            return one
    raise unknown(name)


def unknown(name: str) -> Invalid:
    """Say that there is no such command, with the nearest one."""
    from difflib import get_close_matches

    known = [one.name.replace("_", "-") for one in commands()]
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean loopline {close[0]}?" if close else "see loopline --help"
    return Invalid(f"there is no command {name!r}", kind="unknown-command", hint=hint, command=name)


def load(command: Verb) -> Callable[..., Any]:
    """Import the function behind a command."""
    return local.load(command.name) if is_local(command) else load_verb(command.name)


def is_local(command: Verb) -> bool:
    """Tell whether it takes the place (this terminal and machine) rather than the loop."""
    return command in local.COMMANDS
