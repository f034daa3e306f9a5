"""postmortem: what an incident was, on one page."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from loopline.errors import Invalid
from loopline.loop import Loop


def postmortem(
    loop: Loop,
    incident: Annotated[str, "first digits of the incident"],
    *,
    timezone: Annotated[str, "zone in which times are written"] = "UTC",
) -> str:
    """Write the post-incident page of an incident in Markdown, from the feed and what the ledger knows beside it.

    It can be written while the incident is open. Its times are those that delivery measures count.

    Example:
        loopline postmortem 019ac3f2 > POSTMORTEM.md
    """
    from loopline.insights.postmortem import document
    from loopline.verbs.recounting import recounted

    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid(
            f"{timezone!r} is no time zone", kind="bad-value", hint="write for example Europe/Berlin", value=timezone
        ) from None
    with loop.ledger.read() as tx:
        found = tx.incidents.known(loop.project, incident)
    return document(recounted(loop, found.id, asked="postmortem"), timezone=timezone)
