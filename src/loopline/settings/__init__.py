"""settings: what is configured, by whom, and where it says so.

A value comes from the first of: a flag, a `LOOPLINE_*` variable, the project's file (the nearest `loopline.toml`, or
`[tool.loopline]` of a `pyproject.toml`, upward to the repository's root), the user's file, a default. Anything unknown in a
file is refused with file and line. Policies, checks, services and triggers stand in the project's file alone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from loopline.errors import Invalid
from loopline.settings.declared import DataSource, checks, data_sources, policies
from loopline.settings.files import PROJECT_FILE, find_project, read_table, user_file
from loopline.settings.secret import has_password, masked, secret
from loopline.settings.server import VARIABLES as SERVER_VARIABLES
from loopline.settings.server import Oidc, ServerSettings, mistake, server_settings, server_table
from loopline.settings.table import Source, Table, duration_of, near, size_of

if TYPE_CHECKING:
    from loopline.nouns.check import Check
    from loopline.nouns.declaration import Declaration
    from loopline.nouns.policy import Policy
    from loopline.nouns.trigger import Trigger

__all__ = [
    "PROJECT_FILE",
    "DataSource",
    "Oidc",
    "ServerSettings",
    "Settings",
    "Value",
    "duration_of",
    "load_settings",
    "secret",
]

VARIABLES: Final = {
    "project.name": "LOOPLINE_PROJECT",
    "project.experiment": "LOOPLINE_EXPERIMENT",
    "project.timezone": "LOOPLINE_TIMEZONE",
    "user.actor": "LOOPLINE_ACTOR",
    "run.executor": "LOOPLINE_EXECUTOR",
    "run.workers": "LOOPLINE_WORKERS",
    "store.home": "LOOPLINE_HOME",
    "store.database": "LOOPLINE_DATABASE",
    "store.blobs": "LOOPLINE_STORE",
    "store.cache_limit": "LOOPLINE_CACHE_LIMIT",
    "store.url": "LOOPLINE_URL",
    "user.token": "LOOPLINE_TOKEN",
    **SERVER_VARIABLES,
}
"""Settings by the variable that sets each."""
_INTERNAL: Final = ("LOOPLINE_RUN", "LOOPLINE_TEST", "LOOPLINE_INTERNAL")
"""Beginnings of variables that Loopline gives to its own processes."""
Place = str | tuple[Table, str]
"""`flag`, a variable, `default`, or the key of a table that gave a value."""
EMBEDDED: Final = "embedded"
"""What stands for the ledger here in place of a server's address."""
HIDDEN: Final = "(set, not shown)"
COLORS: Final = ("auto", "always", "never")


@dataclass(frozen=True, slots=True)
class Value:
    """One setting as `loopline config --show-origin` shows it."""

    name: str
    value: str
    place: Place

    @property
    def origin(self) -> str:
        """Say who set it: `flag`, a variable, `FILE:LINE`, or `default`. Lines are looked for when somebody asks."""
        return self.place if isinstance(self.place, str) else self.place[0].origin(self.place[1])


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that is configured."""

    root: Path
    """Folder of the project's file; without one, the folder that holds `.loopline`, or that of the call."""
    file: Path | None
    """The project's file."""
    home: Path
    """Where the embedded ledger, blobs and caches live: `.loopline` under the root."""
    project: str
    experiment: str
    timezone: str
    modules: tuple[str, ...]
    """Python modules of the project that define pipelines."""
    actor: str
    """As written: `ann` or `person:ann`."""
    executor: str
    workers: int
    """0: as many as there are processors."""
    database: str = field(repr=False)
    """Address of the ledger's database, or a reference to it (`file:/run/secrets/database`); empty: a file in `home`."""
    url: str
    """Address of a server; empty: the ledger here."""
    color: str
    store: str = ""
    """Where blobs are: `s3://bucket/prefix`, `gs://…`, `az://…`, or a folder (absolute); empty: `home`."""
    cache_limit: int = 10 << 30
    """How many bytes of a store that is far away are kept here as copies."""
    token: str = field(default="", repr=False)
    """What the server at `url` knows this caller by. It stands in no file and is never shown."""
    server: ServerSettings = field(default_factory=ServerSettings)
    data: tuple[DataSource, ...] = ()
    checks: tuple[Check, ...] = ()
    policies: tuple[Policy, ...] = ()
    services: tuple[Declaration, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    values: tuple[Value, ...] = ()
    """Every single-valued setting with its origin, sorted by name."""
    warnings: tuple[str, ...] = field(default=())
    """What looks like a mistake and is harmless: misspelled variables."""


def load_settings(
    folder: Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    home: str | Path | None = None,
    project: str | None = None,
    actor: str | None = None,
    flags: Mapping[str, str] | None = None,
) -> Settings:
    """Read what is configured for a call from `folder` (the present one).

    `flags` are settings given on the command line, by name (`run.workers`); `home`, `project` and `actor` are the common ones.
    Raise Invalid with file and line for what cannot be understood, Unavailable for a file that cannot be read.
    """
    environ = os.environ if environ is None else environ
    folder = (folder or Path.cwd()).absolute()
    given = dict(flags or {})
    for name, value in (("store.home", home), ("project.name", project), ("user.actor", actor)):
        if value is not None:
            given[name] = str(value)
    file = find_project(folder)
    mine = user_file(environ)
    tables = [read_table(file)] if file else []
    shared = tables[0] if tables else Table(Source("", ""), (), {})
    if mine and mine.is_file():
        tables.append(read_table(mine))
    root = file.parent if file else _root_without_file(folder)
    found = [_singles(table, shared=table is shared) for table in tables]
    chosen = _Chosen(given, environ, found, folder)
    declared = _declared(shared)
    for table in tables:
        table.done()
    return chosen.settings(root, file, declared)


class _Declared(NamedTuple):
    modules: tuple[str, ...]
    data: tuple[DataSource, ...]
    checks: tuple[Check, ...]
    policies: tuple[Policy, ...]
    services: tuple[Declaration, ...]
    triggers: tuple[Trigger, ...]


class _Chosen:
    """Picks each setting from the first place that gives it."""

    def __init__(
        self,
        flags: Mapping[str, str],
        environ: Mapping[str, str],
        files: list[dict[str, tuple[str, Place]]],
        folder: Path,
    ) -> None:
        self.flags, self.environ, self.files, self.folder = flags, environ, files, folder
        self.values: list[Value] = []

    def pick(self, name: str, default: str) -> str:
        variable = VARIABLES.get(name, "")
        place: Place
        if name in self.flags:
            value, place = self.flags[name], "flag"
        elif self.environ.get(variable):
            value, place = self.environ[variable], variable
        else:
            value, place = next((found[name] for found in self.files if name in found), (default, "default"))
        self.values.append(Value(name, masked(value), place))
        return value

    def checked(self, name: str, default: str) -> str:
        """Pick a server's setting and refuse a value that it cannot have, by whoever said it."""
        value = self.pick(name, default)
        wrong = mistake(name, value)
        if wrong:
            where = self.values[-1].origin
            raise Invalid(f"{wrong.why} ({where})", kind=wrong.kind, hint=wrong.hint, origin=where)
        return value

    def settings(self, root: Path, file: Path | None, declared: _Declared) -> Settings:
        project = self.pick("project.name", _project_name(root))
        timezone = self.pick("project.timezone", "UTC")
        workers = self.pick("run.workers", "0")
        if not (workers.isascii() and workers.isdigit() and len(workers) < 6):
            where = self.values[-1].origin
            raise Invalid(
                f"run.workers is {workers!r} ({where})",
                kind="bad-value",
                hint="write a whole number from 0",
                origin=where,
            )
        return Settings(
            root=root,
            file=file,
            home=self.home(root),
            project=project,
            experiment=self.pick("project.experiment", "default"),
            timezone=timezone,
            modules=declared.modules,
            actor=self.pick("user.actor", self.environ.get("USER") or self.environ.get("LOGNAME") or "somebody"),
            executor=self.pick("run.executor", "local"),
            workers=int(workers),
            database=self.pick("store.database", ""),
            url=self.url(),
            color=self.color(),
            store=self.store(root),
            cache_limit=self.cache_limit(),
            token=self.token(),
            server=replace(server_settings(self.checked), timezone=timezone),
            data=declared.data,
            checks=declared.checks,
            policies=declared.policies,
            services=declared.services,
            triggers=declared.triggers,
            values=tuple(sorted(self.values, key=lambda one: one.name)),
            warnings=tuple(_misspelled(self.environ)),
        )

    def home(self, root: Path) -> Path:
        """Resolve a relative path from where it was written: a flag and a variable from the caller's folder."""
        return self.folder_of(self.pick("store.home", ".loopline"), root)

    def store(self, root: Path) -> str:
        """Give the store's address as it is, or its folder resolved as `home` is."""
        text = self.pick("store.blobs", "")
        return str(self.folder_of(text, root)) if text and "://" not in text else text

    def folder_of(self, text: str, root: Path) -> Path:
        """Resolve what was picked last."""
        place = self.values[-1].place
        outside = place == "flag" or (isinstance(place, str) and place.startswith("LOOPLINE_"))
        return (self.folder if outside else root) / Path(text).expanduser()

    def cache_limit(self) -> int:
        """Read a size."""
        text = self.pick("store.cache_limit", "10GiB")
        size = size_of(text)
        if size is None:
            where = self.values[-1].origin
            hint = "write a size: 500MB, 10GiB"
            raise Invalid(f"store.cache_limit is {text!r} ({where})", kind="bad-value", hint=hint, origin=where)
        return size

    def url(self) -> str:
        """Give the server's address; the word `embedded` means none, whatever stands in a file."""
        url = self.pick("store.url", "")
        return "" if url == EMBEDDED else url

    def token(self) -> str:
        """Take the token from the environment alone, and show only that there is one."""
        value = self.environ.get(VARIABLES["user.token"], "").strip()
        self.values.append(Value("user.token", *((HIDDEN, VARIABLES["user.token"]) if value else ("", "default"))))
        return value

    def color(self) -> str:
        """Let NO_COLOR and FORCE_COLOR (no-color.org, force-color.org) stand for the variable of this setting."""
        for variable, meaning in (("NO_COLOR", "never"), ("FORCE_COLOR", "always")):
            if "display.color" not in self.flags and self.environ.get(variable):
                self.values.append(Value("display.color", meaning, variable))
                return meaning
        return self.pick("display.color", "auto")


def _singles(table: Table, *, shared: bool) -> dict[str, tuple[str, Place]]:
    """Take the single-valued settings of a file, each with its origin. Who somebody is stands in no shared file."""
    found: dict[str, tuple[str, Place]] = {}
    wanted = {
        "project": ("name", "experiment", "timezone"),
        "user": ("actor",),
        "run": ("executor", "workers"),
        "store": ("home", "database", "blobs", "cache_limit", "url"),
        "display": ("color",),
    }
    _refuse_secrets(table, shared=shared)
    for section, keys in wanted.items():
        inner = None if shared and section == "user" else table.inner(section)
        if inner is None:
            continue
        for key in keys:
            if key == "workers":
                value = str(inner.whole(key, 0))
            elif key == "color":
                value = inner.choice(key, COLORS, "auto")
            else:
                value = inner.text(key)
            if key in inner:
                if section == "project":
                    _check_project(inner, key, value)
                found[f"{section}.{key}"] = (value, (inner, key))
        if section == "project":
            inner.texts("modules")
        inner.done()
    return found | server_table(table)


def _refuse_secrets(table: Table, *, shared: bool) -> None:
    """Refuse a token in any file, and a password in the file that a project shares."""
    for section in ("user", "store", "server"):
        inner = table.values.get(section)
        if isinstance(inner, Mapping) and "token" in inner:
            table.source.fail(
                (*table.path, section, "token"),
                "a token does not belong in a settings file",
                kind="token-in-file",
                hint="remove it, and set LOOPLINE_TOKEN or run: loopline login",
            )
    store = table.values.get("store")
    database = store.get("database") if isinstance(store, Mapping) else None
    if shared and isinstance(database, str) and has_password(database):
        table.source.fail(
            (*table.path, "store", "database"),
            "a password does not belong in the project's file",
            kind="password-in-file",
            hint="set LOOPLINE_DATABASE, or write file:/PATH of a file that holds the address",
        )


def _check_project(table: Table, key: str, value: str) -> None:
    if key == "name":
        from loopline.nouns.name import parse_project

        try:
            parse_project(value)
        except Invalid as error:
            table.fail(key, str(error), kind=error.kind, hint=error.hint)
    # Importing zoneinfo costs two milliseconds: only a name that this machine does not know is worth them.
    known = re.fullmatch(r"[A-Z]\w*(/\w[\w+-]*)*", value) and Path("/usr/share/zoneinfo", value).is_file()
    if key == "timezone" and not known:
        import zoneinfo

        try:
            zoneinfo.ZoneInfo(value)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            hint = near(value, sorted(zoneinfo.available_timezones())) or "write a name such as Europe/Berlin"
            table.fail(key, f"there is no time zone {value!r}", kind="bad-timezone", hint=hint, text=value)


def _declared(table: Table) -> _Declared:
    """Take what only a project's file may hold."""
    inner = table.inner("project")
    return _Declared(
        inner.texts("modules") if inner else (),
        data_sources(table),
        checks(table),
        policies(table),
        _services(table),
        _triggers(table),
    )


def _services(table: Table) -> tuple[Declaration, ...]:
    """Take `[services]`. Most projects serve nothing, and none of their commands pays for what reads it."""
    if table.inner("services") is None:
        return ()
    from loopline.settings.services import services

    return services(table)


def _triggers(table: Table) -> tuple[Trigger, ...]:
    """Take `[triggers]`, as `_services` does: schedules are read by a library, and time zones are files."""
    if table.inner("triggers") is None:
        return ()
    from loopline.settings.triggers import triggers

    inner = table.inner("project")
    return triggers(table, zone=inner.text("timezone", "UTC") if inner else "UTC")


def _root_without_file(folder: Path) -> Path:
    for here in (folder, *folder.parents):
        if (here / ".loopline").is_dir():
            return here
        if (here / ".git").exists():
            break
    return folder


def _project_name(root: Path) -> str:
    name = re.sub(r"[^a-z0-9._-]+", "-", root.name.lower()).strip("._-")[:100]
    return name or "default"


def _misspelled(environ: Mapping[str, str]) -> list[str]:
    known = [*VARIABLES.values()]
    found = []
    for name in sorted(environ):
        if name.startswith("LOOPLINE_") and name not in known and not name.startswith(_INTERNAL):
            hint = near(name, known)
            found.append(f"{name} is no setting" + (f": {hint}" if hint else ""))
    return found
