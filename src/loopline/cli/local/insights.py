"""insights: with the zone of the project, and perhaps as a table in a file."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from loopline.cli.place import Place
from loopline.nouns.insight import Insights
from loopline.verbs.instants import instant


def insights(
    where: Place,
    *,
    since: Annotated[int | None, "from when: 2026-07-01, 2026-07-01T09:30 (UTC), or microseconds", instant] = None,
    until: Annotated[int | None, "up to when; now when left out", instant] = None,
    days: Annotated[int, "where --since is left out: how many whole days, today beside them"] = 90,
    timezone: Annotated[str, "the zone of the team, for its days and weeks; the project's when left out"] = "",
    horizon: Annotated[timedelta, "how old a deployment must be to count for the fail rate"] = timedelta(days=7),
    limit: Annotated[int, "how many ids are told behind each number"] = 20,
    csv: Annotated[Path | None, "also write every number and its trend to this file"] = None,
) -> Insights:
    """Measure delivery: the five keys of code, data and models, where changes spend their time, what working here is like.

    Every number is one of the team: none is computed for a person. Each comes with its n and the list it was computed from; what
    the ledger does not know is said to be not known, with the reason. With -v each ref and each practice has its lines.

    Example:
        loopline insights --days 30
        loopline insights --since 2026-07-01 --csv insights.csv
    """
    from loopline.insights.sheet import as_csv
    from loopline.verbs.insights import insights as measure

    found = where.client.do(
        measure, since=since, until=until, days=days, timezone=timezone or where.settings.timezone or "UTC", horizon=horizon,
        limit=limit,
    )  # fmt: skip
    if csv is not None and not where.options.dry:
        csv.write_text(as_csv(found), encoding="utf-8")
    return found
