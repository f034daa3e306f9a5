"""local: commands that need this machine: its terminal, its files, its settings.

One function a file, of the file's name, read by usage as a verb is. Its first parameter is the `Place` it was called from
(cli/place.py); it gives a value to draw, or None. COMMANDS lists them in the order of the loop.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from loopline.verbs import Verb

if TYPE_CHECKING:
    from collections.abc import Callable

COMMANDS: tuple[Verb, ...] = (
    Verb("doctor", "local", "set up", "Look for what is missing or broken on this machine, and name the cure."),
    Verb("config", "local", "set up", "List the settings in force and where each one comes from."),
    Verb("demo", "local", "set up", "Play the whole story on real flights, each command as one could type it."),
    Verb("run", "local", "runs", "Run a pipeline; steps whose inputs and code are known come from the cache."),
    Verb("policy", "local", "rules", "Show the policy in force, or propose the one in loopline.toml."),
    Verb("completion", "local", "set up", "Print the script that lets a shell complete commands and names."),
)


def load(name: str) -> Callable[..., Any]:
    """Import one local command and give its function."""
    function: Callable[..., Any] = getattr(import_module(f"loopline.cli.local.{name}"), name)
    return function
