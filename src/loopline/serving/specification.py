"""specification: a service as the bytes that a version of it is.

Canonical JSON (sorted keys, no spaces), so equal services have equal digests, whatever order anybody wrote things in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from loopline.errors import Invalid
from loopline.nouns.digest import parse_digest
from loopline.nouns.event import canonical
from loopline.nouns.service import Service

FORMAT: Final = 1


def dump_service(service: Service) -> bytes:
    """Write it down. Raise Invalid kind="bad-service" for what no JSON holds, and for a service that nothing answers."""
    try:
        exact = msgspec.convert(msgspec.to_builtins(service), Service)  # 1 and 1.0 are one share
        data = canonical({"format": FORMAT, **msgspec.to_builtins(exact)})
    except (msgspec.MsgspecError, ValueError, TypeError) as error:
        raise _bad(str(error)) from error
    _makes_sense(exact)
    return data


def load_service(data: bytes) -> Service:
    """Read it. Raise Invalid for what `dump_service` does not write: an unknown key may be a demand that is not understood."""
    try:
        found = json.loads(data)
        if found.pop("format") != FORMAT:
            raise _newer("format")
        service = msgspec.convert(found, Service)
    except (msgspec.MsgspecError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, Invalid):
            raise
        raise _bad(str(error)) from error
    unknown = _unknown(found, msgspec.to_builtins(service))
    if unknown:
        raise _newer(unknown)
    _makes_sense(service)
    return service


def _makes_sense(service: Service) -> None:
    """Refuse what could be started and would answer nothing, or another model than it says."""
    names = [arm.name for arm in service.arms]
    if len(set(names)) != len(names):
        raise _bad("two arms have one name")
    if any(arm.weight < 0 for arm in service.arms):
        raise _bad("a weight is below zero")
    if not any(arm.weight and not arm.shadow for arm in service.arms):
        raise _bad("no arm answers")
    for arm in service.arms:
        for digest in (arm.digest, arm.environment, arm.profile):
            if digest is not None:
                parse_digest(digest)


def _unknown(found: Any, known: Any) -> str:
    """Name the first key that reading has left out; empty where there is none."""
    if isinstance(found, Mapping):
        for key, value in found.items():
            if key not in known:
                return str(key)
            if inner := _unknown(value, known[key]):
                return inner
    elif isinstance(found, Sequence) and not isinstance(found, str):
        for one, other in zip(found, known, strict=True):
            if inner := _unknown(one, other):
                return inner
    return ""


def _bad(why: str) -> Invalid:
    return Invalid(
        f"this is no specification of a service ({why})", kind="bad-service", hint="make one with loopline deploy"
    )


def _newer(key: str) -> Invalid:
    return Invalid(
        f"this specification of a service has an unknown key {key!r}", kind="unknown-key",
        hint="use the Loopline that wrote it", key=key,
    )  # fmt: skip
