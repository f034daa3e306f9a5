"""argv: from the words of a command line to the values that a usage asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loopline.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from loopline.verbs.usage import Param, Usage


class Options:
    """The flags that every command takes."""

    __slots__ = ("actor", "color", "debug", "dry", "exit_code", "help", "home", "json", "project", "quiet", "verbose",
                 "version", "yes")  # fmt: skip

    def __init__(self) -> None:
        self.json = False
        self.project: str | None = None
        self.actor: str | None = None
        self.color = "auto"
        self.quiet = False
        self.verbose = 0
        self.debug = False
        self.yes = False
        self.dry = False
        self.exit_code = False
        self.home: str | None = None
        self.help = False
        self.version = False


SWITCHES = {
    "json": ("json", "", "write the result as JSON"),
    "quiet": ("quiet", "-q", "say nothing but the result and errors"),
    "verbose": ("verbose", "-v", "say more; twice: everything"),
    "yes": ("yes", "-y", "do not ask before --force overwrites what nothing else holds"),
    "dry-run": ("dry", "", "show what would happen and write nothing, or say that it cannot be rehearsed"),
    "exit-code": ("exit_code", "", "let the exit code tell what was found: 1 failed, 8 pending"),
    "debug": ("debug", "", "show where an error came from"),
    "help": ("help", "-h", "explain this command"),
    "version": ("version", "", "print the version"),
}
"""Written name → attribute, short flag, help."""

VALUES = {
    "project": ("project", "NAME", "the project, instead of the one of loopline.toml"),
    "as": ("actor", "ACTOR", "who does it: ann, token:ci, …"),
    "home": ("home", "FOLDER", "where the loop keeps its state"),
    "color": ("color", "auto|always|never", "when to use colour"),
}
"""Written name → attribute, word, help."""

COLORS = ("auto", "always", "never")
_SHORTS = {short[1]: name for name, (_, short, _) in SWITCHES.items() if short}


def take_options(words: list[str], options: Options) -> list[str]:
    """Read the flags in front of the command into `options` and give the rest."""
    queue = list(words)
    while queue and queue[0].startswith("-") and queue[0] != "--":
        if not _take_global(queue, options):
            raise _strange(queue[0], [*SWITCHES, *VALUES], "loopline --help")
    return queue


def read_words(words: list[str], usage: Usage, options: Options) -> dict[str, Any]:
    """Sort the words behind a command into its parameters; flags of every command go into `options`.

    Values stay text: `usage.read` gives them their types. `--` ends the flags; a number below zero is no flag.
    """
    queue, loose = list(words), list[str]()
    given: dict[str, Any] = {}
    while queue:
        word = queue[0]
        if word == "--":
            loose += queue[1:]
            break
        if not _is_flag(word):
            loose.append(queue.pop(0))
            continue
        param, value = _flag_of(word, usage)
        if param is not None:
            queue.pop(0)
            _take(param, value, queue, given)
        elif not _take_global(queue, options):
            known = [one.written for one in usage.params if not one.positional]
            raise _strange(word, [*known, *SWITCHES, *VALUES], f"loopline {usage.name.replace('_', '-')} --help")
    if not options.help:
        _place(loose, usage, given)
    return given


def _take_global(queue: list[str], options: Options) -> bool:
    """Take one of every command's flags off the queue. False: it is none of them."""
    word = queue[0]
    if len(word) > 1 and word[0] == "-" and word[1] != "-":
        if not all(letter in _SHORTS for letter in word[1:]):
            return False
        queue.pop(0)
        for letter in word[1:]:
            _switch_on(_SHORTS[letter], options)
        return True
    name, equals, value = word[2:].partition("=")
    if name in SWITCHES and not equals:
        queue.pop(0)
        _switch_on(name, options)
        return True
    if name not in VALUES:
        return False
    queue.pop(0)
    if not equals:
        value = _next(queue, f"--{name}", VALUES[name][1])
    if name == "color" and value not in COLORS:
        raise Invalid(f"--color takes no {value!r}", kind="bad-value", hint="write --color auto, always or never")
    setattr(options, VALUES[name][0], value)
    return True


def _switch_on(name: str, options: Options) -> None:
    attribute = SWITCHES[name][0]
    setattr(options, attribute, options.verbose + 1 if attribute == "verbose" else True)


def _is_flag(word: str) -> bool:
    return len(word) > 1 and word[0] == "-" and not _is_number(word)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _flag_of(word: str, usage: Usage) -> tuple[Param | None, str | None]:
    """Find the parameter that a flag means, and the value that is glued to it."""
    if word.startswith("--"):
        name, equals, text = word[2:].partition("=")
        value = text if equals else None
        param = usage.find(name)
        if param is None and name.startswith("no-") and value is None:
            param, value = usage.find(name[3:]), "false"
            if param is not None and param.shape != "switch":
                param = None
        if param is not None and param.positional and param.required:
            return None, None
        return param, value
    for param in usage.params:
        if param.short and word.startswith(param.short):
            glued = word[2:].removeprefix("=")
            return param, glued or None
    return None, None


def _take(param: Param, value: str | None, queue: list[str], given: dict[str, Any]) -> None:
    if param.shape == "switch":
        given[param.name] = "true" if value is None else value
        return
    if value is None:
        value = _next(queue, f"--{param.written}", param.word)
    if param.shape == "one":
        if param.name in given:
            hint = f"give --{param.written} once"
            raise Invalid(f"--{param.written} is given twice", kind="given-twice", hint=hint, parameter=param.name)
        given[param.name] = value
    else:
        given.setdefault(param.name, []).append(value)


def _next(queue: list[str], flag: str, word: str) -> str:
    if not queue or (_is_flag(queue[0]) and queue[0] != "--" and queue[0].startswith("--")):
        raise Invalid(f"{flag} needs a value", kind="missing-value", hint=f"write {flag} {word}", flag=flag)
    return queue.pop(0)


def _place(loose: list[str], usage: Usage, given: dict[str, Any]) -> None:
    """Give words without a flag to the positional parameters, in order; a repeatable one takes all it can."""
    slots = [param for param in usage.params if param.positional and param.name not in given]
    words = list(loose)
    for index, param in enumerate(slots):
        if not words:
            break
        if param.shape in ("many", "pairs"):
            kept = sum(1 for later in slots[index + 1 :] if later.required)
            count = max(len(words) - kept, 0)
            taken, words = words[:count], words[count:]
            if taken:
                given[param.name] = taken
        else:
            given[param.name] = words.pop(0)
    if words:
        hint = f"write {usage_line(usage)}"
        raise Invalid(f"{words[0]!r} is one word too many", kind="extra-word", hint=hint, word=words[0])
    missing = [param for param in usage.params if param.required and param.name not in given]
    if missing:
        names = ", ".join(said(one) if one.positional else f"--{one.written}" for one in missing)
        raise Invalid(
            f"{usage.name.replace('_', '-')} needs {names}",
            kind="missing-parameter",
            hint=f"write {usage_line(usage)}",
            missing=[one.name for one in missing],
        )


def usage_line(usage: Usage) -> str:
    """Write a command the way people say it: `loopline promote REF --to REV [--why TEXT]`."""
    return " ".join(["loopline", usage.name.replace("_", "-"), *_said(usage.params)])


def _said(params: Iterable[Param]) -> Iterator[str]:
    rest = False
    for param in params:
        word = said(param)
        more = " …" if param.shape in ("many", "pairs") else ""
        if param.positional:
            yield f"{word}{more}" if param.required else f"[{word}{more}]"
        elif param.required:
            yield f"--{param.written} {word}{more}"
        else:
            rest = True
    if rest:
        yield "[OPTIONS]"


def said(param: Param) -> str:
    """Give the word for a parameter: its type where that tells enough, its name where it does not."""
    if not param.positional or param.word not in ("TEXT", "N", "NUMBER", "PATH", "JSON"):
        return param.word
    return param.name.upper().replace("_", "-")


def _strange(word: str, known: list[str], help_command: str) -> Invalid:
    from difflib import get_close_matches

    name = word.partition("=")[0]
    close = get_close_matches(name.lstrip("-"), known, n=1)
    hint = f"did you mean --{close[0]}?" if close else f"see {help_command}"
    return Invalid(f"there is no flag {name}", kind="unknown-flag", hint=hint, flag=name)
