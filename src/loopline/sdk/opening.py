"""opening: the client that the settings name: of a server where there is an address, else of the ledger here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.loop import silent
from loopline.nouns.progress import Report
from loopline.sdk.client import Client, Local

if TYPE_CHECKING:
    from loopline.sdk.remote import Remote
    from loopline.settings import Settings


def open_client(settings: Settings, *, dry: bool = False, report: Report = silent) -> Client:
    """Open a client; with `dry`, what it is told is forgotten. A server is asked nothing yet.

    Raise what opening a ledger raises, Invalid for an address or an actor that cannot be.
    """
    if settings.url:
        return open_remote(settings, dry=dry, report=report)
    from loopline.wiring import open_loop

    return Local(open_loop(settings, dry=dry, report=report))


def open_remote(settings: Settings, *, dry: bool = False, report: Report = silent) -> Remote:
    """Open a client of the server at `settings.url`."""
    from loopline.nouns.actor import parse_actor
    from loopline.sdk.remote import Remote

    return Remote(
        settings.url, token_of(settings), settings.project, str(parse_actor(settings.actor)),
        work=settings.home / "cache", dry=dry, report=report,
        cache_limit=settings.cache_limit,
    )  # fmt: skip


def hurried(client: Client) -> Client:
    """Give the same client with little patience, for those who have somewhere else to put what they would have sent."""
    from loopline.sdk.remote import Remote
    from loopline.sdk.wire import QUICK

    return client.paced(QUICK) if isinstance(client, Remote) else client


def token_of(settings: Settings) -> str:
    """Give what the server knows this caller by: the variable's, else what `loopline login` saved for its address."""
    if settings.token or not settings.url:
        return settings.token
    from loopline.sdk.credentials import find

    kept = find(settings.url)
    return kept.token if kept else ""
