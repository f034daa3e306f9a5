"""server: what a server is told: where it listens, by which names, how much it takes, and who signs people in."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, cast

from loopline.nouns.mailbox import MAILBOX
from loopline.settings.secret import HOW, is_reference
from loopline.settings.table import Table, size_of

Security = Literal["starttls", "tls", "none"]
VARIABLES: Final = {
    "server.host": "LOOPLINE_HOST",
    "server.port": "LOOPLINE_PORT",
    "server.address": "LOOPLINE_ADDRESS",
    "server.hosts": "LOOPLINE_HOSTS",
    "server.proxies": "LOOPLINE_PROXIES",
    "server.upload_limit": "LOOPLINE_UPLOAD_LIMIT",
    "server.register_from": "LOOPLINE_REGISTER_FROM",
    "server.s3_key": "LOOPLINE_S3_KEY",
    "server.s3_host": "LOOPLINE_S3_HOST",
    "server.service_host": "LOOPLINE_SERVICE_HOST",
    "server.service_ports": "LOOPLINE_SERVICE_PORTS",
    "server.webhook_hosts": "LOOPLINE_WEBHOOK_HOSTS",
    "server.webhook_secrets": "LOOPLINE_WEBHOOK_SECRETS",
    "server.smtp.host": "LOOPLINE_SMTP_HOST",
    "server.smtp.port": "LOOPLINE_SMTP_PORT",
    "server.smtp.security": "LOOPLINE_SMTP_SECURITY",
    "server.smtp.user": "LOOPLINE_SMTP_USER",
    "server.smtp.password": "LOOPLINE_SMTP_PASSWORD",
    "server.smtp.from": "LOOPLINE_SMTP_FROM",
    "server.smtp.recipients": "LOOPLINE_SMTP_RECIPIENTS",
    "server.oidc.issuer": "LOOPLINE_OIDC_ISSUER",
    "server.oidc.client_id": "LOOPLINE_OIDC_CLIENT_ID",
    "server.oidc.client_secret": "LOOPLINE_OIDC_CLIENT_SECRET",
    "server.oidc.admins": "LOOPLINE_OIDC_ADMINS",
    "server.oidc.groups_claim": "LOOPLINE_OIDC_GROUPS_CLAIM",
    "server.oidc.domains": "LOOPLINE_OIDC_DOMAINS",
}
_DEFAULTS: Final = {
    "server.host": "127.0.0.1",
    "server.port": "4040",
    "server.upload_limit": "50GiB",
    "server.service_host": "127.0.0.1",
    "server.smtp.port": "587",
    "server.smtp.security": "starttls",
    "server.oidc.groups_claim": "groups",
}
_LISTS: Final = ("hosts", "proxies", "admins", "domains", "webhook_hosts", "recipients", "register_from")
SECURITIES: Final[tuple[Security, ...]] = ("starttls", "tls", "none")
_RECIPIENT: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.*?-]+\Z")
_NAME: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)(:[0-9]{1,5})?\Z")
_HOST: Final = re.compile(r"[A-Za-z0-9*?.:_\[\]-]+(/[0-9]{1,3})?\Z")
_PLACE: Final = re.compile(r"(/|(s3|gs|az)://[^/@?#\s]+(/[^?#\s]*)?\Z)")
_URL: Final = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?\Z")


@dataclass(frozen=True, slots=True)
class Oidc:
    """Who signs people in, by OpenID Connect."""

    issuer: str = ""
    """Address of the provider; empty: nobody signs in by one."""
    client_id: str = ""
    client_secret: str = ""
    """A reference, for `settings.secret.secret`; empty: a public client, which PKCE alone protects."""
    admins: tuple[str, ...] = ()
    """Verified e-mail addresses, or subjects (what has no `@`), that are admins from their first login."""
    groups_claim: str = "groups"
    """The claim that lists somebody's teams."""
    domains: tuple[str, ...] = ()
    """Domains of e-mail addresses that may sign in; none: every person whom the provider lets in."""


@dataclass(frozen=True, slots=True)
class Smtp:
    """Who takes e-mails."""

    host: str = ""
    """Empty: nobody is sent any."""
    port: int = 587
    security: Security = "starttls"
    user: str = ""
    password: str = ""
    """A reference, for `settings.secret.secret`."""
    sender: str = ""
    """Whom they are from: `from` in the file."""
    recipients: tuple[str, ...] = ()
    """Globs over addresses that may be sent to; none: those of the sender's own domain."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What `[server]` says."""

    host: str = "127.0.0.1"
    """The address to listen on."""
    port: int = 4040
    address: str = ""
    """How others reach it, without a slash at the end; empty: `http://host:port`."""
    hosts: tuple[str, ...] = ()
    """What a request's Host may be, besides loopback names and that of `address`."""
    proxies: tuple[str, ...] = ()
    """Addresses and networks of proxies whose `X-Forwarded-For` is believed."""
    upload_limit: int = 50 << 30
    """The most bytes of one upload."""
    register_from: tuple[str, ...] = ()
    """Folders and buckets from which contributors may register what lies there; empty: nowhere."""
    s3_key: str = ""
    """A reference to the key that secrets of access keys are made of, for `settings.secret.secret`; empty: a file in the home."""
    s3_host: str = ""
    """The name under which buckets are names: `BUCKET.s3.example.org`; empty: only `/s3/BUCKET`."""
    service_host: str = "127.0.0.1"
    """The address that services listen on. They ask nobody for a token: whoever reaches it may ask them."""
    service_ports: tuple[int, int] = (0, 0)
    """First and last port that a deployment may be given; 0: any that is free."""
    webhook_hosts: tuple[str, ...] = ()
    """Where events may be sent: globs over names, addresses, networks; empty: nowhere but loopback, from loopback."""
    webhook_secrets: str = ""
    """The folder in which `file:/PATH` of a subscription must lie; empty: no file signs anything."""
    smtp: Smtp = Smtp()
    oidc: Oidc = Oidc()
    timezone: str = "UTC"
    """The zone in which pages write times: that of the project."""


class Mistake(NamedTuple):
    """What is wrong with a value."""

    why: str
    kind: str
    hint: str


def server_table(table: Table) -> dict[str, tuple[str, tuple[Table, str]]]:
    """Take `[server]`, `[server.smtp]` and `[server.oidc]` of a file: settings by name, each as text, with its place."""
    outer = table.inner("server")
    if outer is None:
        return {}
    found = _section("server", outer)
    for part in ("smtp", "oidc"):
        inner = outer.inner(part)
        if inner is not None:
            found |= _section(f"server.{part}", inner)
            inner.done()
    outer.done()
    return found


def server_settings(pick: Callable[[str, str], str]) -> ServerSettings:
    """Put together what `pick` (name, default → text) gives for each setting; the texts hold no mistake."""

    def chosen(name: str) -> str:
        return pick(name, _DEFAULTS.get(name, ""))

    return ServerSettings(
        host=chosen("server.host"),
        port=int(chosen("server.port")),
        address=chosen("server.address").rstrip("/"),
        hosts=_words(chosen("server.hosts")),
        proxies=_words(chosen("server.proxies")),
        upload_limit=size_of(chosen("server.upload_limit")) or 0,
        register_from=_words(chosen("server.register_from")),
        s3_key=chosen("server.s3_key"),
        s3_host=chosen("server.s3_host").lower(),
        service_host=chosen("server.service_host"),
        service_ports=_range(chosen("server.service_ports")) or (0, 0),
        webhook_hosts=_words(chosen("server.webhook_hosts")),
        webhook_secrets=chosen("server.webhook_secrets"),
        smtp=Smtp(
            host=chosen("server.smtp.host"),
            port=int(chosen("server.smtp.port")),
            security=cast("Security", chosen("server.smtp.security")),
            user=chosen("server.smtp.user"),
            password=chosen("server.smtp.password"),
            sender=chosen("server.smtp.from"),
            recipients=_words(chosen("server.smtp.recipients")),
        ),
        oidc=Oidc(
            issuer=chosen("server.oidc.issuer"),
            client_id=chosen("server.oidc.client_id"),
            client_secret=chosen("server.oidc.client_secret"),
            admins=_words(chosen("server.oidc.admins")),
            groups_claim=chosen("server.oidc.groups_claim"),
            domains=tuple(word.lower() for word in _words(chosen("server.oidc.domains"))),
        ),
    )


def mistake(name: str, value: str) -> Mistake | None:
    """Say what is wrong with the value of a server's setting; None where nothing is."""
    match name:
        case "server.port" | "server.smtp.port" if not (
            value.isascii() and value.isdigit() and len(value) < 6 and int(value) < 65536
        ):
            return Mistake(f"{name} is {value!r}", "bad-value", "write a port: 4040; 0 is any that is free")
        case "server.service_ports" if value and _range(value) is None:
            return Mistake(f"{name} is {value!r}", "bad-value", "write a range of ports: 4100-4199")
        case "server.upload_limit" if not size_of(value):
            return Mistake(f"{name} is {value!r}", "bad-value", "write a size: 500MB, 50GiB")
        case "server.address" | "server.oidc.issuer" if value and not _URL.match(value):
            return Mistake(f"{name} is {value!r}", "bad-value", "write an address: https://loopline.example.org")
        case "server.hosts" if wrong := [word for word in _words(value) if not _NAME.match(word)]:
            hint = "write names as a Host header has them: loopline.example.org, or loopline.example.org:8443"
            return Mistake(f"{name} has {wrong[0]!r}", "bad-value", hint)
        case "server.proxies" if wrong := [word for word in _words(value) if not _is_network(word)]:
            hint = "write the addresses of your proxies, or their networks: 127.0.0.1, 10.0.0.0/8"
            return Mistake(f"{name} has {wrong[0]!r}", "bad-value", hint)
        case "server.webhook_hosts" | "server.register_from" if place := _wrong_place(name, value):
            return place
        case "server.webhook_secrets" if value and not (value.startswith("/") and value.strip("/")):
            return Mistake(f"{name} is {value!r}", "bad-value", "write a folder of its own: /run/secrets/webhooks")
        case "server.smtp.security" if value not in SECURITIES:
            return Mistake(f"{name} is {value!r}", "bad-value", f"write one of {', '.join(SECURITIES)}")
        case "server.smtp.host" if value and (not _NAME.match(value) or ":" in value.rpartition("]")[2]):
            return Mistake(f"{name} is {value!r}", "bad-value", "write a name, smtp.example.org; its port is smtp.port")
        case "server.smtp.from" if value and not MAILBOX.match(value):
            return Mistake(f"{name} is {value!r}", "bad-value", "write an address: loopline@example.org")
        case "server.smtp.recipients" if wrong := [word for word in _words(value) if not _RECIPIENT.match(word)]:
            return Mistake(
                f"{name} has {wrong[0]!r}", "bad-value", "write addresses, which may be globs: *@example.org"
            )
        case "server.s3_host" if value and (not _NAME.match(value) or ":" in value):
            return Mistake(f"{name} is {value!r}", "bad-value", "write a name without a port: s3.example.org")
        case "server.oidc.client_secret" | "server.smtp.password" | "server.s3_key" if value and not is_reference(
            value
        ):
            return Mistake(f"{name} holds a value in place of a reference", "secret-in-place", HOW)
    return None


def _wrong_place(name: str, value: str) -> Mistake | None:
    """Say which word names no place; addresses of buckets are not repeated, they may hold a secret."""
    words = _words(value)
    if name == "server.webhook_hosts":
        wrong = [word for word in words if not _HOST.match(word)]
        hint = "write names, which may be globs (*.example.org), addresses, or networks (10.0.0.0/8)"
        return Mistake(f"{name} has {wrong[0]!r}", "bad-value", hint) if wrong else None
    numbers = [number for number, word in enumerate(words, 1) if not _PLACE.match(word)]
    hint = "write folders from / on, or buckets with a prefix: /srv/data, s3://flights/raw"
    return Mistake(f"word {numbers[0]} of {name} is no place", "bad-value", hint) if numbers else None


def _range(text: str) -> tuple[int, int] | None:
    """Read `4100-4199`, or one port; None where it is neither."""
    match = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", text)
    if match is None:
        return None
    first, last = int(match[1]), int(match[2] or match[1])
    return (first, last) if 1 <= first <= last < 65536 else None


def _is_network(text: str) -> bool:
    from ipaddress import ip_network  # here: no command that reads pays for it

    try:
        return ip_network(text, strict=False).prefixlen > 0
    except ValueError:
        return False


def _section(section: str, table: Table) -> dict[str, tuple[str, tuple[Table, str]]]:
    found = {}
    for name in VARIABLES:
        before, _, key = name.rpartition(".")
        if before != section:
            continue
        value = _text(table, key)
        if key in table:
            wrong = mistake(name, value)
            if wrong:
                table.fail(key, wrong.why, kind=wrong.kind, hint=wrong.hint)
            found[name] = (value, (table, key))
    return found


def _text(table: Table, key: str) -> str:
    if key == "port":
        return str(table.whole(key, 0))
    if key in _LISTS:
        return ", ".join(table.texts(key))
    return table.text(key)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in re.split(r"[,\s]+", text) if word)
