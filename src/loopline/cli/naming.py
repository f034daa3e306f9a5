"""naming: the names that a server knows, for completion: those of `ledger/names.py`, over the wire. Nothing waits long for it."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from loopline.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopline.settings import Settings

_HEX: Final = frozenset("0123456789abcdef")
_FILES: Final = ("loopline.toml", "pyproject.toml")


def named_server(home: str, project: str) -> Settings | None:
    """Give the settings where they name a server. They are read only where a variable or a file here speaks of an address."""
    if not os.environ.get("LOOPLINE_URL") and not any("url" in text for text in _texts()):
        return None
    from loopline.settings import load_settings

    settings = load_settings(home=home or None, project=project or None)
    return settings if settings.url else None


def names(settings: Settings, prefix: str, *, limit: int) -> Iterator[str]:
    """Give written names that begin with `prefix`, each with a tab and a word about it, as the ledger's own `names` does."""
    from loopline.nouns.listing import Listed
    from loopline.sdk.opening import open_remote
    from loopline.sdk.wire import Pace

    client = open_remote(settings).paced(Pace(tries=1, connect=0.5, read=1.5))
    asset, at, _ = prefix.partition("@")
    if at:
        kind = asset.rpartition(":")[2].partition("/")[0]
        for one in client.do("ls", kind, limit=limit):
            if isinstance(one, Listed) and str(one.asset) == asset:
                yield from (f"{asset}@{ref.name.ref}\t@{ref.target}" for ref in one.refs)
        for version in client.do("history", asset):
            yield f"{asset}@{version.number}\t{_line(version.message)}"
        return
    if prefix and set(prefix) <= _HEX:
        for what, word in (("runs", "name"), ("changes", "reason")):
            found = client.do("find", what, limit=limit)
            yield from (f"{one.id}\t{_line(getattr(one, word))}" for one in found if one.id.startswith(prefix))
    kind, slash, _ = prefix.partition("/")
    with suppress(Invalid):  # what stands before the slash may be no kind
        for one in client.do("ls", kind if slash else "", limit=limit):
            if str(one.asset).startswith(prefix):
                yield f"{one.asset}\t{one.versions} versions"


def _texts() -> Iterator[str]:
    """Read the files that may hold an address: those of the project, and the user's own."""
    from pathlib import Path

    from loopline.settings.files import user_file

    here = Path.cwd()
    places = [folder / name for folder in (here, *here.parents) for name in _FILES]
    mine = user_file(os.environ)
    for place in [*places, *([mine] if mine else [])]:
        with suppress(OSError, UnicodeDecodeError):
            yield place.read_text(encoding="utf-8")


def _line(text: str) -> str:
    return " ".join(text.split())[:80]
