"""config: the settings in force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from loopline.cli.place import Place
from loopline.errors import NotFound


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
    values = where.settings.values
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
