"""A real SMTP server on loopback that does as it is told, and remembers what it was sent."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

FROM = "loopline@example.org"


@dataclass
class Mailbox:
    """What came in, and what is answered next."""

    port: int = 0
    letters: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, list[str], bytes]] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    """Answers to the next messages; when none is left, they are taken."""
    recipient: str = ""
    """The answer to every recipient; empty: it is taken."""
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)
    secured: list[bool] = field(default_factory=list)

    async def handle_RCPT(self, server: SMTP, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802 (its hook)
        if self.recipient:
            return self.recipient
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802 (its hook)
        if self.refusals:
            return self.refusals.pop(0)
        self.secured.append(session.ssl is not None)
        self.envelopes.append((envelope.mail_from, list(envelope.rcpt_tos), envelope.content))
        self.letters.append(message_from_bytes(envelope.content, policy=default))
        return "250 OK"

    def authenticate(self, server: SMTP, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login, data.password))
        return AuthResult(success=data.password == b"s3cret", handled=False)

    def wait(self, true: Callable[[], bool], seconds: float = 10.0) -> None:
        """Wait until something is true."""
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, self.texts()
            time.sleep(0.01)

    def subjects(self) -> list[str]:
        """Give the subjects."""
        return [str(one["Subject"]) for one in self.letters]

    def texts(self) -> list[str]:
        """Give what people read."""
        return [one.get_content().replace("\r\n", "\n") for one in self.letters]


@contextmanager
def mailbox(*, context: ssl.SSLContext | None = None, implicit: bool = False, login: bool = False) -> Iterator[Mailbox]:
    """Run a server: in the clear, with STARTTLS demanded (`context`), or encrypted from the first byte (`implicit`)."""
    box = Mailbox()
    controller = Controller(
        box, hostname="127.0.0.1", port=free(), ssl_context=context if implicit else None,
        tls_context=None if implicit else context, require_starttls=bool(context and not implicit),
        authenticator=box.authenticate, auth_required=login, auth_require_tls=bool(context and not implicit),
    )  # fmt: skip
    controller.start()
    box.port = controller.port
    try:
        yield box
    finally:
        controller.stop()


@contextmanager
def naughty(*, banner: bytes = b"", drip: float = 0.0, ends: bool = False) -> Iterator[int]:
    """Give the port of a server that says a banner, or a byte now and then, and nothing more; or that hangs up (`ends`)."""
    over = threading.Event()
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.settimeout(0.05)

        def talk() -> None:
            while not over.is_set():
                try:
                    line, _ = server.accept()
                except TimeoutError:
                    continue
                with closing(line):
                    line.sendall(banner)
                    while not ends and not over.wait(drip or 0.05):
                        try:
                            if drip:
                                line.sendall(b"2")
                        except OSError:
                            break

        thread = threading.Thread(target=talk)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            over.set()
            thread.join(5)


def free() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
