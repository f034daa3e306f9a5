"""mailing: one e-mail to the settings' mail server, in a bounded time, over a channel whose certificate was checked."""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from email.policy import SMTP
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from loopline.errors import Refused
from loopline.server.posting import Answer
from loopline.settings.secret import secret
from loopline.settings.server import Smtp

if TYPE_CHECKING:
    from email.message import EmailMessage

LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")
"""Hosts to which a password may go in the clear."""
NO_SERVER: Final = "no-mail-server"
NOT_ALLOWED: Final = "recipient-not-allowed"
NO_SMTP: Final = "what answers there is no mail server"
IN_CLEAR: Final = "password-in-clear"


@dataclass(frozen=True, slots=True)
class Post:
    """What a relay must know to send e-mails."""

    smtp: Smtp
    address: str = ""
    """Where people find the pages, for links; empty: no links."""
    timezone: str = "UTC"


class Mailing:
    """Sends e-mails to one recipient. One thread at a time; any may `cut`."""

    def __init__(self, smtp: Smtp, to: str, *, timeout: float) -> None:
        """Raise Refused, or Unavailable for the password, where nothing can be sent until somebody changes the settings."""
        if not smtp.host or not smtp.sender:
            raise Refused(
                "this server sends no e-mails",
                kind=NO_SERVER,
                hint="set LOOPLINE_SMTP_HOST and LOOPLINE_SMTP_FROM for it",
            )
        allowed = smtp.recipients or (f"*@{smtp.sender.rpartition('@')[2]}",)
        if not any(fnmatchcase(to.lower(), glob.lower()) for glob in allowed):
            raise Refused(
                f"{to} is not among those whom this server may send e-mails to", kind=NOT_ALLOWED,
                hint="set LOOPLINE_SMTP_RECIPIENTS for it", address=to,
            )  # fmt: skip
        if smtp.password and smtp.security == "none" and smtp.host not in LOOPBACK:
            raise Refused(
                "a password is not sent in the clear",
                kind=IN_CLEAR,
                hint="set LOOPLINE_SMTP_SECURITY to starttls or tls",
            )
        self._smtp, self._to, self._timeout = smtp, to, timeout
        self._password = secret(smtp.password, name="server.smtp.password") if smtp.password else ""
        self._sock: socket.socket | None = None
        self._line: _Line | None = None
        self._late, self._until = False, 0.0

    def send(self, letter: EmailMessage) -> Answer:
        """Send one e-mail, and give what came of it."""
        self._late, self._until = False, time.monotonic() + self._timeout
        watch = threading.Timer(self._timeout, self.cut)  # the socket's own time-out begins anew with each byte
        watch.daemon = True
        watch.start()
        try:
            return self._send(letter)
        except smtplib.SMTPRecipientsRefused as error:
            code = next((code for code, _ in error.recipients.values()), 0)
            return Answer(code, f"{code}: the address was refused")
        except smtplib.SMTPResponseException as error:
            return self._refused(error)
        except (smtplib.SMTPException, OSError) as error:
            return Answer(0, self._said(error))
        finally:
            watch.cancel()
            self.close()

    def cut(self) -> None:
        """End what is under way, from any thread."""
        self._late = True
        sock = self._sock
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the connection."""
        line, sock = self._line, self._sock
        self._line = self._sock = None
        if line is not None:
            line.close()
        if sock is not None:
            sock.close()

    def _send(self, letter: EmailMessage) -> Answer:
        smtp = self._smtp
        self._line = line = _Line(self._connect, timeout=self._timeout)
        code, _ = line.connect(smtp.host.strip("[]"), smtp.port)
        if self._late:  # a line that was cut off by us looks as if it had ended
            raise TimeoutError
        if code != 220:
            return Answer(max(code, 0), f"{code}: the mail server takes nothing now" if code > 0 else NO_SMTP)
        line.ehlo_or_helo_if_needed()
        if smtp.security == "starttls":
            line.begin_tls(self._secured)
            line.ehlo_or_helo_if_needed()
        if smtp.user:
            line.login(smtp.user, self._password)
        line.sendmail(smtp.sender, [self._to], letter.as_bytes(policy=SMTP))
        with suppress(smtplib.SMTPException, OSError):  # it has the e-mail: how it says goodbye is its own affair
            line.quit()
        return Answer(250, "")

    def _connect(self, host: str, port: int, timeout: float) -> socket.socket:
        """Open the connection so that it can be cut meanwhile. Each address has its share of the time that is left."""
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        for number, (family, kind, protocol, _, address) in enumerate(addresses, start=1):
            left = self._until - time.monotonic()
            if self._late or left <= 0:
                raise TimeoutError
            self._sock = found = socket.socket(family, kind, protocol)
            found.settimeout(left / (len(addresses) - number + 1))
            try:
                found.connect(address)
            except OSError:
                found.close()
                if number == len(addresses):
                    raise
                continue
            if self._late:
                raise TimeoutError
            found.settimeout(timeout)
            return self._secured(found) if self._smtp.security == "tls" else found
        raise OSError(f"{host} has no address")

    def _secured(self, sock: socket.socket) -> ssl.SSLSocket:
        """Check the certificate. What is under way can be cut during the handshake, too."""
        context = ssl.create_default_context()
        made = context.wrap_socket(sock, server_hostname=self._smtp.host.strip("[]"), do_handshake_on_connect=False)
        self._sock = made
        made.do_handshake()
        return made

    def _refused(self, error: smtplib.SMTPResponseException) -> Answer:
        code = error.smtp_code if 200 <= error.smtp_code < 600 else 0
        if self._late or not code:
            return Answer(0, self._said(error))
        what = "the message was refused"
        if isinstance(error, smtplib.SMTPAuthenticationError):
            what = "user and password were refused"
        elif isinstance(error, smtplib.SMTPSenderRefused):
            what = "the sender was refused"
        return Answer(code, f"{code}: {what}")

    def _said(self, error: BaseException) -> str:
        """Say in a line what went wrong, without anything that the mail server wrote."""
        if self._late or isinstance(error, TimeoutError) or time.monotonic() >= self._until:
            return f"no answer within {self._timeout:g} s"
        if isinstance(error, ssl.SSLError):
            return f"TLS: {getattr(error, 'verify_message', '') or error.reason or 'failed'}"
        if isinstance(error, smtplib.SMTPNotSupportedError):
            return "the mail server offers no STARTTLS, or no login that is known here"
        if isinstance(error, (smtplib.SMTPServerDisconnected, ConnectionError)) and not isinstance(
            error, ConnectionRefusedError
        ):
            return "the connection was cut before an answer"
        if isinstance(error, OSError) and not isinstance(error, smtplib.SMTPException):
            return f"nobody answers: {error.strerror or 'no connection'}"
        return f"no answer: {type(error).__name__}"


class _Line(smtplib.SMTP):
    """Talks over a socket that somebody else opens."""

    def __init__(self, connect: Any, *, timeout: float) -> None:
        self._connect = connect
        super().__init__(local_hostname=socket.gethostname() or "localhost", timeout=timeout)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        found: socket.socket = self._connect(host, port, timeout)
        return found

    def begin_tls(self, secured: Callable[[socket.socket], ssl.SSLSocket]) -> None:
        """Go on encrypted (RFC 3207), and forget all that was said before."""
        self.ehlo_or_helo_if_needed()
        if not self.has_extn("starttls"):
            raise smtplib.SMTPNotSupportedError("STARTTLS")
        code, said = self.docmd("STARTTLS")
        if code != 220 or self.sock is None:
            raise smtplib.SMTPResponseException(code, said)
        if self.file is not None:
            self.file.close()
        self.file = None
        self.sock = secured(self.sock)
        self.helo_resp = self.ehlo_resp = None
        self.esmtp_features = {}
        self.does_esmtp = False
