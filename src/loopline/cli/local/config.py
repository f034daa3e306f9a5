"""config: the settings in force."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from loopline.cli.place import Place
from loopline.errors import LooplineError, NotFound
from loopline.settings import HIDDEN, Settings, Value


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting in force."""

    name: str
    value: str
    origin: str = ""
    """A flag, a variable, a file and line, or `default`; empty where nobody asked."""


def config(
    where: Place,
    name: Annotated[str, "one setting only: project.name"] = "",
    *,
    show_origin: Annotated[
        bool, "say where each value comes from: a flag, a variable, a file and line, or the default"
    ] = False,
) -> tuple[Setting, ...] | str:
    """List the settings in force and where each one comes from.

    A flag wins over a LOOPLINE_* variable, that over the project's file, that over the user's file, that over the default.

    Example:
        loopline config --show-origin
    """
    values = tuple(_with_saved_token(where.settings))
    if name:
        found = next((one for one in values if one.name == name), None)
        if found is None:
            from difflib import get_close_matches

            close = get_close_matches(name, [one.name for one in values], n=1)
            hint = f"did you mean {close[0]}?" if close else "loopline config"
            raise NotFound(f"there is no setting {name!r}", kind="no-setting", hint=hint, name=name)
        if not show_origin:
            return found.value
        values = (found,)
    return tuple(Setting(one.name, one.value, one.origin if show_origin else "") for one in values)


def _with_saved_token(settings: Settings) -> Iterator[Value]:
    """Give the settings, with the token that `loopline login` has saved for the server where no variable gives one."""
    for one in settings.values:
        if one.name == "user.token" and settings.url and not settings.token:
            from loopline.sdk import credentials

            try:
                saved = credentials.find(settings.url)
            except LooplineError as error:
                yield Value(one.name, f"(saved, and not used: {error.message})", "loopline login")
                continue
            if saved:
                yield Value(one.name, HIDDEN, "loopline login")
                continue
        yield one
