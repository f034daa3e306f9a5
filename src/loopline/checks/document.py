"""document: policies, checks and triggers as the bytes that `policy/<project>@main` points at.

Canonical JSON (sorted keys, no spaces), so equal policies have equal digests, whatever order a project file lists keys in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields, replace
from datetime import timedelta
from typing import Any, Final

from loopline.checks.policy import say_duration
from loopline.errors import Invalid
from loopline.nouns.check import Check
from loopline.nouns.event import canonical
from loopline.nouns.expectation import Expectation, read_expectation, write_expectation
from loopline.nouns.policy import Approvals, OverrideRule, Policy, Soak
from loopline.nouns.trigger import Trigger, read, write

VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Document:
    """What governs a project: its policies, the checks that they name, and what follows what."""

    policies: tuple[Policy, ...] = ()
    checks: tuple[Check, ...] = ()
    triggers: tuple[Trigger, ...] = ()


def dump_document(document: Document) -> bytes:
    """Write it down. Raise Invalid where two policies, checks or triggers have one name.

    Without triggers and expectations the bytes are those of a Loopline that knew none, which reads them all the same.
    """
    _check_names(document)
    checks = sorted((_plain(one) for one in document.checks), key=lambda one: str(one["name"]))
    found = {"version": VERSION, "policies": [_plain(one) for one in document.policies], "checks": checks}
    if document.triggers:
        found["triggers"] = sorted((write(one) for one in document.triggers), key=lambda one: str(one["name"]))
    return canonical(found)


def load_document(data: bytes) -> Document:
    """Read it. Raise Invalid for what `dump_document` does not write: an unknown key may be a demand that is not understood."""
    try:
        found = json.loads(data)
        if found["version"] != VERSION:
            raise Invalid(
                f"this policy document has version {found['version']}, known is {VERSION}",
                kind="newer-policy",
                hint="use the Loopline that wrote it",
                found=found["version"],
            )
        _known(found, {"version", "policies", "checks", "triggers"})
        document = Document(
            tuple(_policy(one) for one in found["policies"]),
            tuple(_check(one) for one in found["checks"]),
            tuple(read(one) for one in found.get("triggers", ())),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, Invalid):
            raise
        raise Invalid(
            f"these bytes are no policy document ({error})",
            kind="bad-policy",
            hint="write one with loopline policy",
        ) from error
    _check_names(document)
    return document


def diff_documents(old: Document, new: Document) -> tuple[str, ...]:
    """Say in words what becomes different, a line a difference; none: they mean the same."""
    lines: list[str] = []
    kinds = ("policy", old.policies, new.policies), ("check", old.checks, new.checks)
    for what, before, after in (*kinds, ("trigger", old.triggers, new.triggers)):
        olds: dict[str, Any] = {one.name: one for one in before}
        news: dict[str, Any] = {one.name: one for one in after}
        lines += [f"{what} {name!r} goes away" for name in olds if name not in news]
        for name, one in news.items():
            if name not in olds:
                lines += [f"{what} {name!r} is new", *(f"  {line}" for line in _said(one).values() if line)]
            elif one != olds[name]:
                lines += [f"{what} {name!r}: {line}" for line in _differences(_said(olds[name]), _said(one))]
    return tuple(lines)


def _differences(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    found = []
    for key, text in new.items():
        if text == old[key]:
            continue
        if not old[key]:
            found.append(f"now asks {text}")
        elif not text:
            found.append(f"no longer asks {old[key]}")
        else:
            found.append(f"{old[key]} → {text}")
    return found


def _said(one: Policy | Check | Trigger) -> dict[str, str]:
    """Say each part of a policy, check or trigger, empty where it demands nothing."""
    if isinstance(one, Trigger):
        return {"on": f"on {one.on}", "do": str(one.do), "at_most": f"at most {one.at_most}" if one.at_most else ""}
    if isinstance(one, Check):
        params = ", ".join(f"{key}={value}" for key, value in one.params)
        return {
            "refs": _list("refs", one.refs),
            "pipeline": f"pipeline {one.pipeline}" if one.pipeline else "",
            "params": params and f"params {params}",
            "expect": _list("expect", tuple(map(str, one.expect)), "; "),
            "missing": _list("missing", one.missing),
        }
    who, soak = one.approvals, one.soak
    approvals = who and (
        f"approvals {who.count}"
        + (f" from {', '.join(who.source)}" if who.source else "")
        + (", author too" if not who.not_author else "")
        + (", assistants too" if not who.humans_only else "")
        + (", verified" if who.verified else "")
    )
    by = one.override.by
    return {
        "refs": _list("refs", one.refs),
        "checks": _list("checks", one.checks),
        "metrics": _list("metrics", one.metrics, "; "),
        "approvals": approvals or "",
        "soak": f"soak {say_duration(soak.duration)} on {soak.on}, at most {soak.max_alerts} alerts" if soak else "",
        "freshness": f"evidence at most {say_duration(one.freshness)} old" if one.freshness is not None else "",
        "forbid_pickle": "no pickle" if one.forbid_pickle else "",
        "override": f"override by {', '.join(by)}, expires {say_duration(one.override.expires)}" if by else "",
    }


def _list(word: str, items: Sequence[str], separator: str = ", ") -> str:
    return f"{word} {separator.join(items)}" if items else ""


def _plain(one: Policy | Check) -> dict[str, Any]:
    found: dict[str, Any] = asdict(one, dict_factory=lambda pairs: {key: _json(value) for key, value in pairs})
    if isinstance(one, Check):
        found["expect"] = [write_expectation(each) for each in one.expect]
        found = {key: value for key, value in found.items() if value or key not in ("expect", "missing")}
    return found


def _json(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value // timedelta(microseconds=1)
    return list(value) if isinstance(value, tuple) else value


def _check(found: dict[str, Any]) -> Check:
    known = {one.name for one in fields(Expectation)}
    for one in found.get("expect", ()):
        _known(one, known)
    check: Check = _build(Check, {**found, "expect": ()})
    expect = tuple(read_expectation(one) for one in found.get("expect", ()))
    for one in expect:
        str(one)  # a word that is not understood is an error here, and not when a check is run
    return replace(check, expect=expect)


def _policy(found: dict[str, Any]) -> Policy:
    row = dict(found)
    if row.get("approvals") is not None:
        row["approvals"] = _build(Approvals, row["approvals"])
    if row.get("soak") is not None:
        row["soak"] = _build(Soak, {**row["soak"], "duration": timedelta(microseconds=row["soak"]["duration"])})
    if row.get("freshness") is not None:
        row["freshness"] = timedelta(microseconds=row["freshness"])
    rule = row["override"]
    row["override"] = _build(OverrideRule, {**rule, "expires": timedelta(microseconds=rule["expires"])})
    policy: Policy = _build(Policy, row)
    return policy


def _build(kind: type[Any], row: Mapping[str, Any]) -> Any:
    _known(row, {one.name for one in fields(kind)})
    missing = [
        f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING and f.name not in row
    ]
    if missing:
        raise Invalid(f"{kind.__name__} lacks {missing[0]}", kind="bad-policy", hint="write one with loopline policy")
    return kind(**{key: _frozen(value) for key, value in row.items()})


def _frozen(value: Any) -> Any:
    return tuple(_frozen(one) for one in value) if isinstance(value, list) else value


def _known(row: Mapping[str, Any], names: set[str]) -> None:
    unknown = sorted(set(row) - names)
    if unknown:
        raise Invalid(
            f"this policy document has an unknown key {unknown[0]!r}",
            kind="unknown-key",
            hint="use the Loopline that wrote it",
            key=unknown[0],
        )


def _check_names(document: Document) -> None:
    kinds = ("policy", document.policies), ("check", document.checks), ("trigger", document.triggers)
    for what, names in kinds:
        seen: set[str] = set()
        for one in names:
            if one.name in seen:
                raise Invalid(
                    f"two of {what} have the name {one.name!r}", kind="same-name", hint="rename one", name=one.name
                )
            seen.add(one.name)
