"""declared: data, checks and policies, as a project's file declares them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, NoReturn

from loopline.errors import Invalid
from loopline.nouns.name import KINDS
from loopline.settings.table import Table, near

if TYPE_CHECKING:  # and in each function: most files declare none, and a command that reads looks at none
    from loopline.nouns.check import Check
    from loopline.nouns.expectation import Expectation
    from loopline.nouns.policy import Approvals, OverrideRule, Policy, Soak


@dataclass(frozen=True, slots=True)
class DataSource:
    """`[data."data/flights"]` of a project file: a folder whose files are versions of a data asset."""

    asset: str
    folder: str
    """Relative to the project's root, or absolute."""
    key: tuple[str, ...] = ()
    """Columns that name a row, for differences by row."""


def data_sources(table: Table) -> tuple[DataSource, ...]:
    """Take `[data."data/flights"]`."""
    from loopline.nouns.name import parse_asset

    found = []
    outer = table.inner("data")
    for name, one in table.named("data"):
        try:
            asset = parse_asset(name, project="project")
        except Invalid as error:
            _at(outer, name, error)
        if asset.kind != "data":
            _at(outer, name, Invalid(f"{name!r} is no data", kind="bad-kind", hint=f"write data/{asset.name}"))
        found.append(DataSource(name, one.text("folder", name), one.texts("key")))
        one.done()
    return tuple(found)


def checks(table: Table) -> tuple[Check, ...]:
    """Take `[checks."eval/holdout"]`."""
    found: list[Check] = []
    for name, one in table.named("checks"):
        from loopline.nouns.check import Check

        one.needed("refs")
        if "expect" not in one:
            one.needed("pipeline")
        params = one.inner("params")
        values = []
        for key in params or ():
            value = params.values[key] if params else None
            if params and not isinstance(value, (str, int, float, bool)):
                params.fail(
                    key, f"{key} is no single value", kind="wrong-type", hint="write a text, a number, true or false"
                )
            values.append((key, value if isinstance(value, str) else json.dumps(value)))
        expect, missing = _expect(one)
        found.append(
            Check(
                name, _globs(one, "refs"), one.text("pipeline"), tuple(sorted(values)), expect=expect, missing=missing
            )
        )
        one.done()
    return tuple(found)


def _expect(table: Table) -> tuple[tuple[Expectation, ...], tuple[str, ...]]:
    """Take what the tables of a candidate must hold, and the texts that mean "no value" there."""
    if "expect" not in table:
        return (), ()
    from loopline.settings.expectations import expectations

    for key in ("pipeline", "params"):
        if key in table:
            why = f"a check runs a pipeline or holds tables against expectations, and this one has expect and {key}"
            table.fail(key, why, kind="two-ways", hint="make two checks of it")
    return expectations(table), table.texts("missing")


def policies(table: Table) -> tuple[Policy, ...]:
    """Take `[[policies]]`."""
    found: list[Policy] = []
    for one in table.many("policies"):
        from loopline.nouns.policy import Policy

        one.needed("name")
        one.needed("refs")
        name = one.text("name")
        if any(other.name == name for other in found):
            one.fail("name", f"two policies are called {name!r}", kind="same-name", hint="rename one", name=name)
        found.append(
            Policy(
                name=name,
                refs=_globs(one, "refs"),
                checks=one.texts("checks"),
                metrics=_metrics(one),
                approvals=_approvals(one.inner("approvals")),
                soak=_soak(one.inner("soak")),
                freshness=one.duration("freshness", None),
                forbid_pickle=one.flag("forbid_pickle", default=False),
                override=_override(one.inner("override")),
            )
        )
        one.done()
    return tuple(found)


def _metrics(table: Table) -> tuple[str, ...]:
    from loopline.checks.requirements import parse_comparison

    found = table.texts("metrics")
    for index, text in enumerate(found):
        try:
            parse_comparison(text)
        except Invalid as error:
            path = (*table.path, "metrics", index)
            table.source.fail(path, str(error), kind=error.kind, hint=error.hint, **error.facts)
    return found


def _approvals(table: Table | None) -> Approvals | None:
    if table is None:
        return None
    from loopline.nouns.policy import Approvals

    found = Approvals(
        count=table.whole("count", 1, least=1),
        source=table.texts("from"),
        not_author=table.flag("not_author", default=True),
        humans_only=table.flag("humans_only", default=True),
        verified=table.flag("verified", default=False),
    )
    _people(table, "from", found.source)
    table.done()
    return found


def _soak(table: Table | None) -> Soak | None:
    if table is None:
        return None
    from loopline.nouns.policy import Soak

    table.needed("on")
    table.needed("for")
    glob = glob_at(table, (*table.path, "on"), table.text("on"))
    found = Soak(glob, table.duration("for", timedelta()), table.whole("max_alerts", 0))
    table.done()
    return found


def _override(table: Table | None) -> OverrideRule:
    from loopline.nouns.policy import OverrideRule

    if table is None:
        return OverrideRule()
    table.needed("by")
    found = OverrideRule(table.texts("by"), table.duration("expires", OverrideRule().expires))
    _people(table, "by", found.by)
    table.choice("reason", ("required",), "required")
    table.done()
    return found


def _globs(table: Table, key: str) -> tuple[str, ...]:
    found = table.texts(key)
    if not found:
        table.fail(key, f"{key} names no ref", kind="bad-glob", hint='write for example ["model/*@champion"]')
    return tuple(glob_at(table, (*table.path, key, index), glob) for index, glob in enumerate(found))


def glob_at(table: Table, path: tuple[str | int, ...], glob: str) -> str:
    """Refuse a glob that no ref can ever match: it would protect nothing, silently."""
    kind, slash, _ = glob.partition("/")
    wild = "*" in kind or "?" in kind
    if not wild and (not slash or kind not in KINDS):
        hint = near(kind, KINDS) or f"kinds are {', '.join(KINDS)}"
        table.source.fail(path, f"{glob!r} matches no ref: {kind!r} is no kind", kind="bad-glob", hint=hint, text=glob)
    if glob.count("@") != 1 or glob.endswith("@"):
        hint = f"write {glob.rstrip('@')}@* for all refs, or name one, as in {glob.partition('@')[0]}@champion"
        table.source.fail(path, f"{glob!r} matches no ref: it needs one '@'", kind="bad-glob", hint=hint, text=glob)
    return glob


def _people(table: Table, key: str, names: tuple[str, ...]) -> None:
    """Refuse whom nobody can be: neither `team/NAME` nor `KIND:NAME`."""
    from loopline.nouns.actor import parse_actor

    for index, name in enumerate(names):
        team, slash, rest = name.partition("/")
        if slash and team == "team" and rest:
            continue
        path = (*table.path, key, index)
        if ":" not in name:
            hint = f"write team/{name.rpartition('/')[2]} or person:{name.rpartition('/')[2]}"
            table.source.fail(path, f"{name!r} is neither a team nor an actor", kind="bad-actor", hint=hint, text=name)
        try:
            parse_actor(name)
        except Invalid as error:
            table.source.fail(path, str(error), kind=error.kind, hint=error.hint, **error.facts)


def _at(table: Table | None, name: str, error: Invalid) -> NoReturn:
    if table is None:
        raise error
    table.fail(name, str(error), kind=error.kind, hint=error.hint, **error.facts)
