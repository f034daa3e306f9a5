"""main: one command from its words to its exit code."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING, Any

from loopline.cli import faults
from loopline.cli.argv import Options, read_words, take_options
from loopline.cli.entry import careful, careless
from loopline.cli.screen import Screen
from loopline.errors import Invalid, LooplineError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loopline.cli.place import Place
    from loopline.verbs import Verb
    from loopline.verbs.usage import Usage

SCHEMA = 1
"""Version of what `--json` writes: fields are only ever added within one."""

_NAMES = ("ASSET", "REF", "VERSION", "JSON")
_REAL = {
    "check": "loopline review CHANGE",
    "reproduce": "loopline show RUN",
}
"""Commands whose steps would really run, and whose records build on each other → what tells without running."""


def main(words: Sequence[str]) -> int:
    """Run one command and give its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    options, screen = Options(), Screen()
    try:
        mine = careful()
        try:
            code = _run([*words], options, screen)
            screen.out.flush()
        finally:
            if mine:
                careless()
    except LooplineError as error:
        screen.flush()
        faults.tell(error, screen, options)
        return faults.exit_code_of(error)
    except BrokenPipeError:
        return faults.hush()
    except KeyboardInterrupt as stopped:
        return _stopped(stopped, screen)
    except OSError as error:
        ours = faults.of_system(error)
        if ours is None:
            return faults.crash(error, screen, options, words)
        screen.flush()
        faults.tell(ours, screen, options)
        return faults.UNABLE
    except Exception as error:  # noqa: BLE001 (a defect becomes a report, whatever it is)
        if isinstance(
            error.__cause__, KeyboardInterrupt
        ):  # it fell into a __set_name__, which Python 3.11 makes a RuntimeError
            return _stopped(error.__cause__, screen)
        return faults.crash(error, screen, options, words)
    return code


def _stopped(interrupt: KeyboardInterrupt, screen: Screen) -> int:
    screen.say(screen.paint_err("wait", "interrupted"))
    for note in getattr(interrupt, "__notes__", ()):  # a verb that can go on says how
        screen.say(f"{screen.paint_err('name', '→')} {note}")
    return faults.INTERRUPTED


def _run(words: list[str], options: Options, screen: Screen) -> int:
    from loopline.cli.commands import commands, find, load

    rest = take_options(words, options)
    screen.adopt(options)
    if options.version:
        import loopline

        screen.write(f"loopline {loopline.__version__}\n")
        return faults.FINE
    if rest[:1] == ["help"]:
        rest, options.help = rest[1:], True
    if not rest:
        from loopline.cli.help import overview

        screen.show(overview(commands(), screen))
        return faults.FINE if options.help or not words else faults.WRONG
    command = find(rest[0])
    from loopline.verbs.usage import usage_of

    usage = usage_of(load(command))
    given = read_words(rest[1:], usage, options)
    screen.adopt(options)
    if options.help:
        from loopline.cli.help import explain

        screen.show(explain(usage, screen))
        return faults.FINE
    return _call(command, usage, given, options, screen)


def _call(command: Verb, usage: Usage, given: dict[str, Any], options: Options, screen: Screen) -> int:
    from loopline.cli.commands import is_local
    from loopline.cli.place import Place
    from loopline.verbs.usage import read

    if options.dry and command.name in _REAL:
        raise Invalid(
            f"{command.name} runs steps and cannot be rehearsed",
            kind="no-dry-run",
            hint=f"ask instead: {_REAL[command.name]}",
        )
    place = Place(options, screen)
    if command.cls != "read":
        gc.enable()
    try:
        project = _project(place, command, usage)
        typed = read(usage, given, project=project)
        if usage.report:
            typed[usage.report] = place.report
        result = usage.function(place, **typed) if is_local(command) else _ask(place, usage, typed)
        place.still()
        screen.project = project or (place.settings.project if "settings" in place.__dict__ else "")
        return _answer(command, result, typed, place)
    except LooplineError as error:
        if "client" in place.__dict__:  # a local command reads blobs itself
            place.client.explain(error)
        raise
    finally:
        place.close()


def _ask(place: Place, usage: Usage, typed: dict[str, Any]) -> Any:
    """Ask a verb. One that takes a report gets it where the loop is here; a server sends its own."""
    if place.options.dry and place.settings.url and usage.name == "promote":
        raise Invalid(
            "a server runs a promotion on a worker, which cannot rehearse it", kind="no-dry-run",
            hint="ask instead: loopline propose REF --to REV --why … --dry-run",
        )  # fmt: skip
    client = place.client
    if usage.report and place.settings.url:
        typed.pop(usage.report)
    return client.do(usage.function, **typed)


def _project(place: Place, command: Verb, usage: Usage) -> str:
    """Name the project that written names belong to; a local command without names works where there is none."""
    from loopline.cli.commands import is_local

    if is_local(command) and not any(one.word in _NAMES or "AssetName" in str(one.type) for one in usage.params):
        return ""
    return place.settings.project


def _answer(command: Verb, result: Any, asked: dict[str, Any], place: Place) -> int:
    from loopline.cli.outcome import code_of, remark_on

    options, screen = place.options, place.screen
    rehearsed = options.dry and command.cls != "read"
    if options.json:
        import json

        from loopline.verbs.plain import plain

        body = {"schema": SCHEMA, "command": command.name}
        if rehearsed:
            body["dry_run"] = True
        body["result"] = plain(result, project=screen.project)
        screen.write(json.dumps(body, ensure_ascii=False, allow_nan=False) + "\n")
    elif result is not None:
        from loopline.cli.render import draw

        screen.find_zone = lambda: place.zone
        screen.rehearsed = rehearsed
        screen.show(draw(result, screen))
    remark = remark_on(command, result, asked)
    if remark:
        screen.say(remark)
    if rehearsed:
        screen.say(screen.paint_err("wait", "dry run: nothing was written"))
    elif command.cls in {"write", "work", "local"}:
        from loopline.cli.undo import undo_of

        undo = undo_of(command.name, result, asked)
        if undo and command.name == "approve" and options.actor:
            from shlex import quote

            undo += f" --as {quote(options.actor)}"  # only who said yes can say no instead
        if undo:
            screen.say(f"{screen.paint_err('dim', 'undo:')} {undo}")
    return code_of(command, result, asked=options.exit_code)
