"""shell: Python with the loop at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loopline.errors import Invalid

if TYPE_CHECKING:
    from loopline.cli.place import Place


def shell(where: Place) -> None:
    """Open Python with the loop at hand: `do("find", "runs")`, `loopline.data("data/flights@2").path`.

    `do` asks any verb by its name, with names written as on the command line. `loop`, where there is no server, is what verbs
    take.

    Example:
        loopline shell
    """
    import code
    import gc
    import sys

    import loopline
    from loopline.sdk import session
    from loopline.sdk.client import Local

    if where.options.dry:
        raise Invalid(
            "what is typed cannot be rehearsed",
            kind="no-dry-run",
            hint="leave it out: the shell writes what you tell it to",
        )
    gc.enable()
    where.still()
    client = where.client
    session.use(where.settings, client)
    names: dict[str, Any] = {"loopline": loopline, "client": client, "do": client.do}
    if isinstance(client, Local):
        names["loop"] = client.loop
    _edit_lines(names)
    at_hand = 'do("ls"), do("find", "runs"), ' + ", ".join(one for one in ("loop", "loopline") if one in names)
    banner = f"loopline {loopline.__version__}, project {client.project}: {at_hand}"
    code.interact("" if where.screen.quiet or not sys.stdin.isatty() else banner, local=names, exitmsg="")


def _edit_lines(names: dict[str, Any]) -> None:
    try:
        import readline
        import rlcompleter
    except ImportError:  # a Python without it reads lines all the same
        return
    readline.set_completer(rlcompleter.Completer(names).complete)
    readline.parse_and_bind("tab: complete")
