"""rules: what Prometheus is told to compute and to alert on for one deployed service, from its specification.

Alerts on objectives look at how fast the error budget burns, over a long and a short window at once: the long one says that it
matters, the short one that it still goes on. Rates, windows and severities are those of Google's SRE workbook (Beyer, Murphy,
Rensin, Kawahara, Thorne 2018, chapter 5 "Alerting on SLOs", section 6: multiwindow, multi-burn-rate alerts), for a window of 30
days; for another window they are in proportion. https://sre.google/workbook/alerting-on-slos/
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from loopline.nouns.service import Objectives, Service

FAILED: Final = "5..|429"
"""Statuses that are the service's fault: 429 is an overload that somebody met."""
VALID: Final = "2..|5..|429"
"""Statuses of requests that could be answered: what a client did wrong is none."""
SHORT: Final = 12
"""How many times the short window fits into the long one."""


class Burn(NamedTuple):
    """How fast a budget may burn for how long."""

    rate: float
    """1: all of it is gone just at the end of the objective's window."""
    share: int
    """The long window is that part of the objective's window: 720 is one hour of 30 days."""
    severity: str


BURNS: Final = (Burn(14.4, 720, "page"), Burn(6.0, 120, "page"), Burn(1.0, 10, "ticket"))
"""2 % of the budget in an hour, 5 % in six hours, 10 % in three days."""


class Watched(NamedTuple):
    """What rules are about."""

    project: str
    ref: str
    """`service/delay@prod`."""
    service: Service

    def where(self, more: str = "") -> str:
        """Give the selector of its samples."""
        return f"{{project={json.dumps(self.project)},ref={json.dumps(self.ref)}{more}}}"


def rules(one: Watched) -> dict[str, Any]:
    """Give the content of a rule file."""
    recorded = [rule for kind in objectives(one.service) for rule in _recorded(one, kind)]
    groups = [{"name": f"{one.ref} objectives", "rules": [*recorded, *_alerts(one)]}] if recorded else []
    return {"groups": [*groups, {"name": f"{one.ref} service", "rules": list(_state(one))}]}


def objectives(service: Service) -> tuple[str, ...]:
    """Name the objectives that a service has."""
    wanted = service.objectives
    return tuple(kind for kind in ("availability", "latency") if target(wanted, kind))


def target(wanted: Objectives, kind: str) -> float:
    """Give the share that is to be kept to."""
    return wanted.availability if kind == "availability" else wanted.latency


def recorded(kind: str, window: timedelta) -> str:
    """Name the share that was bad within a window, as it is recorded (level:metric:operations)."""
    return f"project_ref:loopline_service_{_BAD[kind]}:ratio_rate{span(window)}"


_BAD: Final = {"availability": "requests_failed", "latency": "requests_slow"}


def windows(wanted: Objectives) -> list[timedelta]:
    """Give all windows over which shares are recorded, the shortest first."""
    long = [wanted.window / burn.share for burn in BURNS]
    return sorted({*long, *(one / SHORT for one in long)})


def share(one: Watched, kind: str, window: str) -> str:
    """Write the share of requests that were bad within a window; 0 where none was, nothing where nobody asked."""
    if kind == "availability":
        bad = _rate("requests_total", one.where(f',status=~"{FAILED}"'), window)
        every = _rate("requests_total", one.where(f',status=~"{VALID}"'), window)
        return f"({bad} or 0 * {every}) / {every}"
    within = f"{one.service.objectives.within.total_seconds():g}"
    within = within if "." in within else f"{within}.0"
    good = _rate("request_duration_seconds_bucket", one.where(f',le="{within}"'), window)
    return f"1 - {good} / {_rate('request_duration_seconds_count', one.where(), window)}"


def span(length: timedelta) -> str:
    """Write a length of time as Prometheus reads it."""
    seconds, found = round(length.total_seconds()), ""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        number, seconds = divmod(seconds, size)
        found += f"{number}{unit}" if number else ""
    return found or "0s"


def yaml(value: Any, depth: int = 0) -> str:
    """Write maps, lists, texts and numbers as YAML; texts as JSON writes them, which YAML reads."""
    pad = "  " * depth
    if isinstance(value, Mapping) and value:
        return "".join(f"{pad}{key}:{_nested(inner, depth + 1)}" for key, inner in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str) and value:
        return "".join(f"{pad}- {yaml(inner, depth + 1).lstrip()}" for inner in value)
    return f"{pad}{json.dumps(value, ensure_ascii=False)}\n"


def _nested(value: Any, depth: int) -> str:
    if value and isinstance(value, (Mapping, list, tuple)):
        return "\n" + yaml(value, depth)
    return f" {yaml(value).lstrip()}"


def _rate(name: str, where: str, window: str) -> str:
    return f"sum by (project, ref) (rate(loopline_service_{name}{where}[{window}]))"


def _recorded(one: Watched, kind: str) -> Iterator[dict[str, Any]]:
    for window in windows(one.service.objectives):
        yield {"record": recorded(kind, window), "expr": share(one, kind, span(window))}


def _alerts(one: Watched) -> Iterator[dict[str, Any]]:
    wanted = one.service.objectives
    for kind in objectives(one.service):
        budget = 1 - target(wanted, kind)
        for burn in BURNS:
            most = burn.rate * budget
            if most >= 1:
                continue  # so loose an objective never burns that fast
            long = wanted.window / burn.share
            where = one.where()
            yield {
                "alert": f"LooplineService{kind.capitalize()}Burns",
                "expr": f"{recorded(kind, long)}{where} > {most:.6g} and {recorded(kind, long / SHORT)}{where} > {most:.6g}",
                "labels": {"severity": burn.severity, "objective": kind, "window": span(long)},
                "annotations": {
                    "summary": f"{one.ref} of {one.project} burns its {kind} budget {burn.rate:g} times as fast as it may",
                    "description": f"{{{{ $value | humanizePercentage }}}} of its requests in {span(long)} were "
                    f"{'failures' if kind == 'availability' else f'slower than {span_ms(wanted.within)}'}; "
                    f"{100 * budget:.4g} % may be, over {span(wanted.window)}.",
                },
            }  # fmt: skip


def span_ms(length: timedelta) -> str:
    """Write how long an answer may take."""
    seconds = length.total_seconds()
    return f"{seconds:g} s" if seconds >= 1 else f"{seconds * 1000:g} ms"


def _state(one: Watched) -> Iterator[dict[str, Any]]:
    """Alert on what no objective sees: nobody answers, nobody scrapes, and what comes before requests fail."""
    where = one.where()
    busy = f"sum by (project, ref, arm) (rate(loopline_service_model_busy_seconds_total{where}[5m]))"
    for name, expr, lasting, severity, summary in (
        ("Down", f"loopline_service_ready{where} == 0", "1m", "page", "answers nothing"),
        ("Absent", f"absent(loopline_service_ready{where})", "5m", "page", "cannot be scraped"),
        (
            "Saturated",
            f"{busy} / sum by (project, ref, arm) (loopline_service_model_processes{where}) > 0.9",
            "10m", "ticket", "has models that are busy nearly all the time: give it more workers",
        ),
        (
            "Crashes", f"increase(loopline_service_model_restarts_total{where}[15m]) > 3", "", "ticket",
            "loses model processes again and again",
        ),
        (
            "DropsRecords", f"increase(loopline_service_records_dropped_total{where}[15m]) > 0", "", "ticket",
            "drops records of predictions: its disk is too slow",
        ),
    ):  # fmt: skip
        yield {
            "alert": f"LooplineService{name}", "expr": expr, **({"for": lasting} if lasting else {}),
            "labels": {"severity": severity}, "annotations": {"summary": f"{one.ref} of {one.project} {summary}"},
        }  # fmt: skip
