"""exposition: meters in the format that a client asks for: OpenMetrics 1.0, or the text format 0.0.4 of Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from prometheus_client import exposition as text
from prometheus_client.openmetrics import exposition as openmetrics

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

OPENMETRICS: Final = "application/openmetrics-text"
TEXT: Final = "text/plain"
VERSIONS: Final = ("", "0.0.1", "1.0.0")
"""Versions of OpenMetrics whose readers read 1.0."""


def render(registry: Collector, accept: str) -> tuple[bytes, str]:
    """Give the meters in the format that `accept` prefers, and its media type. Text, where it prefers none that we write."""
    if wants_openmetrics(accept):
        return openmetrics.generate_latest(registry), f"{OPENMETRICS}; version=1.0.0; charset=utf-8"  # type: ignore[no-untyped-call, arg-type, unused-ignore]
    return text.generate_latest(registry), f"{TEXT}; version=0.0.4; charset=utf-8"  # type: ignore[arg-type, unused-ignore]


def wants_openmetrics(accept: str) -> bool:
    """Tell whether OpenMetrics is asked for by name, and text not more (RFC 9110, 12.5.1)."""
    asked: dict[str, float] = {}
    for kind, version, weight in _ranges(accept):
        if kind != OPENMETRICS or version in VERSIONS:
            asked[kind] = max(weight, asked.get(kind, 0.0))
    return asked.get(OPENMETRICS, 0.0) > 0 and asked[OPENMETRICS] >= asked.get(TEXT, 0.0)


def _ranges(accept: str) -> Iterator[tuple[str, str, float]]:
    for one in accept.split(","):
        kind, *more = (word.strip() for word in one.split(";"))
        given = {
            name.strip().lower(): value.strip().strip('"') for name, _, value in (word.partition("=") for word in more)
        }
        try:
            weight = float(given.get("q", "1"))
        except ValueError:
            weight = 0.0
        yield kind.lower(), given.get("version", ""), weight
