"""paging: how much of a list is asked for; shared by the verbs that list."""

from __future__ import annotations

from loopline.errors import Invalid


def at_most(limit: int) -> int:
    """Give a limit back. Raise Invalid for one below 1: a database reads it as no limit, and nobody means nothing."""
    if limit < 1:
        raise Invalid(
            f"a limit of {limit} lists nothing", kind="bad-limit", hint="give a limit of 1 or more", limit=limit
        )
    return limit
