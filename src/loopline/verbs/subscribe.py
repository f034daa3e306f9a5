"""subscribe: have somebody told of what happens."""

from __future__ import annotations

import re
from typing import Annotated, Final
from urllib.parse import urlsplit

from loopline.errors import Invalid
from loopline.loop import Loop
from loopline.nouns.mailbox import MAILBOX
from loopline.nouns.subscription import Format, Subscription

EVERYTHING = ("*",)
_SECRET: Final = re.compile(r"(env:(?!LOOPLINE_)[A-Za-z_][A-Za-z0-9_]*|file:/[^\x00-\x1f]+)\Z")
SEALED: Final = "sealed:"
"""Where the secret is found that is kept beside a subscription (`verbs/hooking.py`)."""
_KIND: Final = re.compile(r"[a-z0-9_.*?\[\]!-]+\Z")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
_SIGNS: Final = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST: Final = 2000


def subscribe(
    loop: Loop,
    url: Annotated[str, "where events are sent: https://chat.example.org/hook, or mailto:ops@example.org"],
    *,
    name: Annotated[str, "what it is called here; the host's name, or the mailbox, when left out"] = "",
    kinds: Annotated[tuple[str, ...], "kinds of events, as globs: change.* run.finished"] = EVERYTHING,
    format: Annotated[  # noqa: A002 (the word people use)
        Format,
        "webhook: one signed request an event; openlineage: runs and datasets; mlflow: what its registry tells; mail: what"
        " mailto: gets, for people",
    ] = "webhook",
    secret: Annotated[
        str, "where the server finds the signing secret: env:NAME, or file:/PATH in its LOOPLINE_WEBHOOK_SECRETS"
    ] = "",
    since: Annotated[int | None, "number of the first event that is sent; only new ones when left out"] = None,
) -> Subscription:
    """Send the events of this project to an address, in order and at least once.

    A running server sends them (`loopline up`), and only to hosts that its settings allow (LOOPLINE_WEBHOOK_HOSTS). E-mails go
    by its mail server (LOOPLINE_SMTP_HOST), to whom LOOPLINE_SMTP_RECIPIENTS allows; where many come at once, it is one.

    Example:
        loopline subscribe https://chat.example.org/hook --kind "change.*" --secret env:CHAT_HOOK_SECRET
        loopline subscribe mailto:ops@example.org --kind "alert.*"
    """
    mailbox = _mailbox(url)
    if mailbox:
        format = "mail"  # noqa: A001 (as above)
    elif format == "mail":
        raise Invalid(f"{url!r} is no mailbox", kind="bad-url", hint="write mailto:ops@example.org", url=url)
    name = named(name, mailbox.replace("@", "-at-") if mailbox else host_of(url))
    wrong = [one for one in kinds if not _KIND.match(one)]
    if wrong or not kinds:
        raise Invalid(
            f"{(wrong or [''])[0]!r} is no glob over kinds of events", kind="bad-kinds", hint="write for example change.*",
            kinds=list(kinds),
        )  # fmt: skip
    _check_secret(secret, format)
    with loop.ledger.write(loop.project, loop.actor) as tx:
        tx.projects.ensure(loop.project)
        position = tx.seq if since is None else since - 1
        if not 0 <= position <= tx.seq:
            raise Invalid(
                f"there is no event {since} yet",
                kind="bad-position",
                hint=f"give a number from 1 to {tx.seq}",
                since=since,
            )
        one = tx.subscriptions.add(
            Subscription(
                id=loop.ids.new(), project=loop.project, name=name, url=url, format=format, kinds=kinds, secret=secret,
                created_by=str(loop.actor), position=position,
            )
        )  # fmt: skip
        tx.say("subscription.created", name, url=url, format=format, kinds=list(kinds), since=position + 1)
    return one


def named(name: str, host: str = "") -> str:
    """Give what a subscription is called: as is said, or after its host. Raise Invalid."""
    name = name or _SIGNS.sub("-", host).strip("._-")[:100]
    if not _NAME.match(name):
        raise Invalid(
            f"{name!r} cannot name a subscription", kind="bad-subscription-name",
            hint="use --name with letters, digits, '.', '_' and '-'", name=name,
        )  # fmt: skip
    return name


def _mailbox(url: str) -> str | None:
    """Give the address of `mailto:ADDRESS`; None for what is none. Raise Invalid for one that is more than an address."""
    scheme, _, address = url.partition(":")
    if scheme.lower() != "mailto":
        return None
    if not MAILBOX.match(address) or "%" in address or "?" in address:  # RFC 6068: encoded, or with headers
        raise Invalid(
            f"{url!r} names no mailbox", kind="bad-url", hint="write mailto:NAME@DOMAIN, one address and nothing behind it",
            url=url,
        )  # fmt: skip
    return address


def host_of(url: str) -> str:
    """Give the host of an address that events may be sent to."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        parts, host = urlsplit(""), ""
    if (
        parts.scheme not in ("http", "https") or not host or "@" in parts.netloc or parts.fragment or len(url) > _LONGEST
        or not url.isascii() or any(c <= " " or c in '\\"<>^`{|}\x7f' for c in url)
    ):  # fmt: skip
        raise Invalid(
            f"{url!r} is no address that events can be sent to", kind="bad-url",
            hint="write https://HOST/PATH; names and passwords do not belong in it", url=url,
        )  # fmt: skip
    return host.strip("[]").replace(":", "-")


def _check_secret(secret: str, form: Format) -> None:
    if secret and form == "mail":
        raise Invalid("an e-mail is not signed", kind="not-for-these", hint="leave out --secret")
    if not secret and form == "webhook":
        raise Invalid(
            "a webhook is signed, and no secret is named", kind="no-secret",
            hint='set NAME="whsec_$(openssl rand -base64 32)" for the server, and add --secret env:NAME',
        )  # fmt: skip
    if secret and not _SECRET.match(secret) and (secret, form) != (SEALED, "mlflow"):
        raise Invalid(  # without the value: it may be the secret itself
            "the secret is not named by a reference", kind="secret-in-place",
            hint="write env:NAME (no LOOPLINE_ setting) or file:/PATH, as the server sees them",
        )  # fmt: skip
