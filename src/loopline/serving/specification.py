"""specification: a service as the bytes that a version of it is: canonical JSON, so that equal services have equal digests."""

from __future__ import annotations

from typing import Final

import msgspec

from loopline.errors import Invalid
from loopline.nouns.event import canonical
from loopline.nouns.service import Service

FORMAT: Final = 1


def dump_service(service: Service) -> bytes:
    """Write it down."""
    return canonical({"format": FORMAT, **msgspec.to_builtins(service)})


def load_service(data: bytes) -> Service:
    """Read it. Raise Invalid kind="bad-service"."""
    try:
        return msgspec.json.decode(data, type=Service)
    except (msgspec.MsgspecError, ValueError) as error:
        raise Invalid(
            f"this is no specification of a service: {error}", kind="bad-service", hint="deploy the service again"
        ) from error
