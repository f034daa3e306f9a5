"""wiring: settings in, a Loop out. The only place that names adapters."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from loopline.errors import Invalid, Unavailable

if TYPE_CHECKING:
    from loopline.loop import Loop
    from loopline.nouns.actor import Actor
    from loopline.nouns.progress import Report
    from loopline.settings import Settings
    from loopline.store.blobs import Blobs
    from loopline.store.database import Database
    from loopline.store.elsewhere import Elsewhere
    from loopline.store.keyed import Keyed


_FRESH_S: Final = 30.0
"""So long an object store is believed to know nothing new of bytes that lie elsewhere, by who asks what is missing."""


def open_loop(
    settings: Settings,
    *,
    actor: Actor | None = None,
    dry: bool = False,
    report: Report | None = None,
    migrate: bool | None = None,
) -> Loop:
    """Open the ledger and the store that the settings name, creating them where they are missing.

    Raise Unavailable where they cannot be opened, Refused where the schema is newer than this code.
    """
    from loopline.ledger.attending import Attendance
    from loopline.ledger.ledger import Ledger
    from loopline.ledger.schema import prepare
    from loopline.loop import Loop, silent
    from loopline.nouns.actor import parse_actor
    from loopline.store.leased import Leased
    from loopline.store.system import SystemClock, SystemIds, here

    home = Path(settings.home)
    clock = SystemClock()
    database = open_rows(settings)
    try:
        prepare(database, migrate=migrate, now=clock.now)
    except BaseException:
        database.close()
        raise
    ids = SystemIds()
    ledger = Ledger(database, clock=clock, dry=dry)
    ledger.attendance = Attendance(ledger, ids.new, here())
    return Loop(
        project=settings.project,
        actor=actor or parse_actor(settings.actor),
        ledger=ledger,
        blobs=Leased(open_blobs(settings), ledger.attendance.hold),
        clock=clock,
        ids=ids,
        work=home / "cache",
        cache_limit=settings.cache_limit,
        executors=makers("loopline.executors"),
        codecs=codecs(),
        store=opening(settings),
        variables=variables(settings, actor),
        home=settings.project,
        checks=settings.checks,
        services=settings.services,
        triggers=settings.triggers,
        signals=home / "signals",
        key=cache(partial(_key, settings)),
        places=settings.server.register_from,
        report=report or silent,
    )


def _key(settings: Settings) -> bytes:
    """Give the key of the server: what its settings name, or one of its own in its home."""
    if settings.server.s3_key:
        from loopline.settings.secret import secret

        return secret(settings.server.s3_key, name="server.s3_key").encode()
    from loopline.store.system import kept_key

    return kept_key(Path(settings.home) / "s3.key")


def variables(settings: Settings, actor: Actor | None = None) -> tuple[tuple[str, str], ...]:
    """Say where this caller's ledger is, and who asks, to processes that are started for it.

    It is here, also where a file that they read names a server.
    """
    from loopline.settings import EMBEDDED

    told = {
        "LOOPLINE_HOME": str(Path(settings.home).absolute()),
        "LOOPLINE_PROJECT": settings.project,
        "LOOPLINE_ACTOR": str(actor) if actor else settings.actor,
        "LOOPLINE_DATABASE": settings.database,
        "LOOPLINE_STORE": settings.store,
        "LOOPLINE_URL": EMBEDDED,
    }
    return tuple((name, value) for name, value in told.items() if value)


def open_rows(settings: Settings) -> Database:
    """Open the database that the settings name; without one, `ledger.db` in the home folder."""
    if settings.database:
        return open_database(_address(settings.database))
    home = Path(settings.home)
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(
            f"{home} cannot be made: {error.strerror}",
            kind="home-unwritable",
            hint="make the folder writable, or set LOOPLINE_HOME",
            path=str(home),
        ) from error
    return open_database(f"sqlite:///{home / 'ledger.db'}")


def open_blobs(settings: Settings) -> Blobs:
    """Open the store that the settings name; without one, the home folder."""
    return blobs_at(settings.store, str(settings.home), str(settings.cache_limit))


def opening(settings: Settings) -> tuple[str, tuple[str, ...]]:
    """Say how another process opens the same store."""
    return "loopline.wiring:blobs_at", (settings.store, str(settings.home), str(settings.cache_limit))


def _address(database: str) -> str:
    from loopline.settings.secret import is_reference, secret

    return secret(database, name="store.database") if is_reference(database) else database


def open_database(url: str) -> Database:
    """Open `sqlite:///path`, `sqlite://` (in memory) or `postgresql://…`. Raise Invalid for anything else."""
    if url == "sqlite://":
        from loopline.store.sqlite import SqliteDatabase

        return SqliteDatabase(None)
    if url.startswith("sqlite:///"):
        from pathlib import Path

        from loopline.store.sqlite import SqliteDatabase

        return SqliteDatabase(Path(url.removeprefix("sqlite:///")))
    if url.startswith(("postgresql://", "postgres://")):
        from loopline.store.postgres import PostgresDatabase

        return PostgresDatabase(url)
    raise Invalid(
        "the database's address has no known scheme",
        kind="bad-database-url",
        hint="write sqlite:///PATH or postgresql://USER@HOST/NAME",
        scheme=url.partition(":")[0],
    )


def blobs_at(store: str, home: str, cache_limit: str) -> Blobs:
    """Open the store at an address, with copies in the home folder; a worker process opens it by this name.

    Without an address it is the home folder itself. Raise Invalid for an address that no store has.
    """
    if "://" not in store:
        return _folder(Path(store or home))
    from loopline.store.cached import Cached
    from loopline.store.far import FarBlobs
    from loopline.store.foreign import WithForeign
    from loopline.store.objects import ObjectBlobs

    far = FarBlobs(ObjectBlobs(store, journal=Path(home) / "cache" / "uploads"), Path(home) / "cache" / "packs")
    cached = Cached(far, Path(home) / "cache" / "copies", limit=int(cache_limit))
    return WithForeign(cached, far.named, sums=cached.near, fresh=_FRESH_S)


def _folder(folder: Path) -> Blobs:
    from loopline.store.foreign import WithForeign
    from loopline.store.local import LocalBlobs
    from loopline.store.named import LocalNamed

    local = LocalBlobs(folder)
    return WithForeign(local, LocalNamed(local), sums=local)


def store_at(address: str, home: Path, *, new: bool) -> Elsewhere:
    """Open a store that is not the project's own: a folder, or what `blobs_at` opens by an address.

    With `new` a folder may still have to be made, by the first write, where the one above it is there: else nobody knows whether
    a disk is only not mounted. Raise Unavailable kind="store-missing", Invalid kind="bad-store-url".
    """
    from loopline.store.elsewhere import Elsewhere
    from loopline.store.foreign import WithForeign
    from loopline.store.local import LocalBlobs
    from loopline.store.named import LocalNamed

    if not address.strip():  # a variable that nobody has set: here would be the folder of the project
        raise Invalid(
            "no store is named",
            kind="bad-store-url",
            hint="name a folder, or an address; a dot is this folder",
            store=address,
        )
    if "://" in address:
        scheme, _, rest = address.partition("://")
        if "@" in rest.partition("/")[0] or "?" in rest:
            raise Invalid(
                f"the address of the {scheme} store holds what may be a secret", kind="bad-store-url",
                hint="leave keys to the environment (AWS_ACCESS_KEY_ID, AWS_SHARED_CREDENTIALS_FILE, …)", store=f"{scheme}://…",
            )  # fmt: skip
        from loopline.store.far import FarBlobs
        from loopline.store.objects import ObjectBlobs

        far = FarBlobs(ObjectBlobs(address, journal=home / "cache" / "uploads"), home / "cache" / "packs")
        sums = LocalBlobs(home / "cache" / "copies", several=0)
        return Elsewhere(address, WithForeign(far, far.named, sums=sums, fresh=_FRESH_S), far.named)

    folder = Path(os.path.abspath(address))  # noqa: PTH100 - links stay as they were written
    if not folder.is_dir() and (not new or folder.exists() or not folder.parent.is_dir()):
        what = "is no folder" if folder.exists() else "is not there"
        raise Unavailable(
            f"the store {folder} {what}", kind="store-missing", hint="look at its name, and whether its disk is mounted",
            store=str(folder),
        )  # fmt: skip
    local = LocalBlobs(folder)
    named = LocalNamed(local)
    return Elsewhere(str(folder), WithForeign(local, named, sums=local), named)


def keyed_at(address: str, options: Mapping[str, str]) -> Keyed:
    """Open what lies under others' names: a folder, or an address with options as `ObjectKeyed` has them."""
    if "://" in address:
        from loopline.store.keyed import ObjectKeyed

        return ObjectKeyed(address, options)
    from loopline.store.keyed import LocalKeyed

    return LocalKeyed(address)


def folder_store(folder: Path) -> Blobs:
    """Open a folder as a store: that of a backup."""
    from loopline.store.local import LocalBlobs

    return LocalBlobs(folder)


def makers(group: str) -> Mapping[str, Callable[[], Any]]:
    """Give what an entry point group offers, by name; each is imported when it is first called."""
    return _Makers(group)


def codecs() -> Mapping[str, str]:
    """Give what turns values into artifacts: built-in ones and those of other packages, as `package.module:Class`."""
    return _Makers("loopline.codecs").written()


class _Makers(Mapping[str, Callable[[], Any]]):
    """Entry points of a group, looked for only when somebody asks: scanning them costs milliseconds."""

    def __init__(self, group: str) -> None:
        self._group = group

    def __getitem__(self, name: str) -> Callable[[], Any]:
        from loopline.environments.plugins import attribute

        maker: Callable[[], Any] = attribute(self._points()[name])
        return maker

    def __iter__(self) -> Any:
        return iter(self._points())

    def __len__(self) -> int:
        return len(self._points())

    def written(self) -> Mapping[str, str]:
        return _Written(self)

    def _points(self) -> Mapping[str, str]:
        return _offered().get(self._group, {})


@cache
def _offered() -> Mapping[str, Mapping[str, str]]:
    from loopline.environments.plugins import offered

    return offered()


class _Written(Mapping[str, str]):
    def __init__(self, makers_: _Makers) -> None:
        self._makers = makers_

    def __getitem__(self, name: str) -> str:
        return self._makers._points()[name]  # noqa: SLF001 (its own other half)

    def __iter__(self) -> Any:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)
