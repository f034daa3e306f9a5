"""naming: the names that a server knows, for completion: those of `ledger/names.py`, over the wire. Nothing waits long for it."""

from __future__ import annotations

import os

TYPE_CHECKING = False  # as of typing: what is imported here is paid for at every press of Tab
if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopline.sdk.client import Client
    from loopline.settings import Settings

_HEX = frozenset("0123456789abcdef")
FILES = ("loopline.toml", "pyproject.toml")
"""Files that may hold the settings of a project."""


def named_server(home: str, project: str) -> Settings | None:
    """Give the settings where they name a server. They are read only where a variable or a file here speaks of an address."""
    if not os.environ.get("LOOPLINE_URL") and not any("url" in text for text in _texts()):
        return None
    from loopline.settings import load_settings

    settings = load_settings(home=home or None, project=project or None)
    return settings if settings.url else None


def pipelines(settings: Settings, prefix: str, *, limit: int) -> Iterator[str]:
    """Give the names of pipelines that ran lately."""
    found = _client(settings).do("find", "runs", "kind = pipeline", limit=limit)
    yield from (name for name in dict.fromkeys(one.name for one in found) if name.startswith(prefix))


def changes(settings: Settings, prefix: str, *, limit: int) -> Iterator[str]:
    """Give what names an open change: the refs that it would move, then its id."""
    found = _client(settings).do("find", "changes", open=True, limit=limit)
    named = {str(move.ref): _line(one.reason) for one in reversed(found) for move in one.moves}
    named |= {one.id[:16]: _line(one.reason) for one in found}
    yield from (f"{word}\t{reason}" for word, reason in named.items() if word.startswith(prefix))


def _client(settings: Settings) -> Client:
    from loopline.sdk.opening import open_remote
    from loopline.sdk.wire import Pace

    return open_remote(settings).paced(Pace(tries=1, connect=0.5, read=1.5))


def names(settings: Settings, prefix: str, *, limit: int) -> Iterator[str]:
    """Give written names that begin with `prefix`, each with a tab and a word about it, as the ledger's own `names` does."""
    from contextlib import suppress

    from loopline.errors import Invalid
    from loopline.nouns.listing import Listed

    client = _client(settings)
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
    folder = os.getcwd()  # noqa: PTH109 (pathlib costs a tenth of the time that there is)
    places = [f"{folder}/{name}" for name in FILES]
    while folder.strip("/"):
        folder = folder.rpartition("/")[0]
        places += [f"{folder}/{name}" for name in FILES]
    for place in [*places, user_file()]:
        try:
            with open(place, encoding="utf-8") as file:  # noqa: PTH123 (as above)
                yield file.read()
        except (OSError, UnicodeDecodeError):
            continue


def user_file() -> str:
    """Name the file of the user as `settings/files.py` does, without importing the settings."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    return f"{base if base.startswith('/') else os.environ.get('HOME', '') + '/.config'}/loopline/config.toml"


def _line(text: str) -> str:
    return " ".join(text.split())[:80]
