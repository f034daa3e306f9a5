"""One e-mail to real mail servers, good and bad ones."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest

from loopline.errors import LooplineError
from loopline.server.mailing import Mailing
from loopline.settings.server import Smtp

from .certificates import certificate
from .mailbox import FROM, free, mailbox, naughty

TO = "ops@example.org"
PLAIN = Smtp("127.0.0.1", security="none", sender=FROM)


def letter(text: str = "Look") -> EmailMessage:
    """Write an e-mail."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = FROM, TO, "high: temp moved – Grüße"
    made.set_content(text, cte="quoted-printable")
    return made


def send(smtp: Smtp, port: int, *, timeout: float = 5.0, text: str = "Look") -> tuple[int, str]:
    """Send it, and give status and error."""
    answer = Mailing(replace(smtp, port=port), TO, timeout=timeout).send(letter(text))
    return answer.status, answer.error


def test_an_email_arrives_as_it_was_written() -> None:
    """Envelope, headers beyond ASCII, and lines that begin with a dot."""
    with mailbox() as box:
        assert send(PLAIN, box.port, text="Look\n.\n..here: ä") == (250, "")
    sender, to, body = box.envelopes[0]
    assert (sender, to) == (FROM, [TO])
    assert box.subjects() == ["high: temp moved – Grüße"]
    assert box.texts() == ["Look\n.\n..here: ä\n"]
    assert body.isascii()


@pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning")
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_login_goes_over_a_channel_whose_certificate_was_checked(
    security: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """STARTTLS and TLS from the first byte: a certificate that nobody vouches for, or of another name, gets no word of it."""
    monkeypatch.setenv("MAIL_PASSWORD", "s3cret")
    smtp = replace(PLAIN, security=security, user="ann", password="env:MAIL_PASSWORD")  # type: ignore[arg-type]
    context, pem = certificate(tmp_path, "127.0.0.1")
    with mailbox(context=context, implicit=security == "tls", login=True) as box:
        status, error = send(smtp, box.port)
        assert (status, error.startswith("TLS: self")) == (0, True)
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        assert send(smtp, box.port) == (250, "")
        monkeypatch.setenv("MAIL_PASSWORD", "wrong")
        assert send(smtp, box.port) == (535, "535: user and password were refused")
    assert set(box.logins) == {(b"ann", b"s3cret"), (b"ann", b"wrong")}
    assert box.secured == [security == "starttls"]  # of the other, this server does not know it
    context, pem = certificate(tmp_path, "mail.example.org")
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    with mailbox(context=context, implicit=security == "tls") as box:
        status, error = send(smtp, box.port)
    assert (status, error[:5], box.logins) == (0, "TLS: ", [])


def test_encryption_that_is_not_offered_sends_nothing() -> None:
    """Somebody in between who removes STARTTLS from the offer gets no e-mail in the clear."""
    with mailbox() as box:
        assert send(replace(PLAIN, security="starttls"), box.port)[1].startswith("the mail server offers no STARTTLS")
    assert box.letters == []


def test_a_refusal_is_told_by_its_code_and_nothing_that_was_written_with_it() -> None:
    """Of an address, of a message, for now or for good."""
    with mailbox() as box:
        box.refusals = ["451 try <script> later", "554 no"]
        assert send(PLAIN, box.port) == (451, "451: the message was refused")
        assert send(PLAIN, box.port) == (554, "554: the message was refused")
        box.recipient = "550 no such user"
        assert send(PLAIN, box.port) == (550, "550: the address was refused")


@pytest.mark.parametrize("security", ["none", "tls"])
@pytest.mark.parametrize("drip", [0.0, 0.05])
def test_a_mail_server_that_holds_one_up_is_left(security: str, drip: float) -> None:
    """Silent, or a byte now and then for ever: after its time the connection is cut, before, during and after the handshake."""
    with naughty(drip=drip) as port:
        began = time.monotonic()
        status, error = send(replace(PLAIN, security=security), port, timeout=0.4)  # type: ignore[arg-type]
    assert time.monotonic() - began < 2
    assert status == 0
    assert drip or error == "no answer within 0.4 s"


@contextmanager
def full() -> Iterator[int]:
    """Give a port whose queue is full: who connects to it gets no answer at all."""
    with ExitStack() as stack:
        here = stack.enter_context(socket.socket())
        here.bind(("127.0.0.1", 0))
        here.listen(0)
        for _ in range(4):
            one = stack.enter_context(socket.socket())
            one.settimeout(0)
            one.connect_ex(here.getsockname())
        yield here.getsockname()[1]


def resolved(monkeypatch: pytest.MonkeyPatch, *ports: int) -> None:
    """Let the name of the mail server have several addresses."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port)) for port in ports]
    monkeypatch.setattr("loopline.server.mailing.socket.getaddrinfo", lambda *_, **__: found)


def test_addresses_share_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two that are silent take as long as one, and one that answers is reached behind one that is silent."""
    with full() as silent, mailbox() as box:
        resolved(monkeypatch, silent, silent)
        began = time.monotonic()
        assert send(PLAIN, silent, timeout=1.5) == (0, "no answer within 1.5 s")
        assert time.monotonic() - began < 2.8
        resolved(monkeypatch, silent, box.port)
        assert send(PLAIN, silent, timeout=1.0) == (250, "")


def test_what_is_being_opened_is_cut() -> None:
    """A relay that stops waits for no mail server that does not answer."""
    with full() as silent:
        mailing = Mailing(replace(PLAIN, port=silent), TO, timeout=5)
        cutting = threading.Timer(0.2, mailing.cut)
        cutting.start()
        began = time.monotonic()
        assert mailing.send(letter()).status == 0
        assert time.monotonic() - began < 2
        cutting.join()


def test_a_mail_server_that_is_not_there_is_told() -> None:
    """Nobody, one that hangs up, one that says no, one that talks nonsense."""
    assert send(PLAIN, free())[1] == "nobody answers: Connection refused"
    with naughty(ends=True) as port:
        assert send(PLAIN, port) == (0, "the connection was cut before an answer")
    with naughty(banner=b"554 go away\r\n", ends=True) as port:
        assert send(PLAIN, port) == (554, "554: the mail server takes nothing now")
    with naughty(banner=b"HTTP/1.1 400 Bad Request\r\n\r\n", ends=True) as port:
        assert send(PLAIN, port)[0] == 0


@pytest.mark.parametrize(
    ("smtp", "kind"),
    [
        (Smtp(), "no-mail-server"),
        (replace(PLAIN, sender=""), "no-mail-server"),
        (replace(PLAIN, sender="loopline@other.example"), "recipient-not-allowed"),
        (replace(PLAIN, recipients=("bo@example.org",)), "recipient-not-allowed"),
        (replace(PLAIN, host="mail.example.org", user="a", password="env:MAIL_PASSWORD"), "password-in-clear"),
        (replace(PLAIN, user="a", password="env:NO_SUCH_VARIABLE"), "secret-missing"),
    ],
)
def test_what_no_try_mends_is_told_at_once(smtp: Smtp, kind: str) -> None:
    """No server, somebody who may not be written to, a password in the clear or one that is not there."""
    with pytest.raises(LooplineError) as caught:
        Mailing(smtp, TO, timeout=1)
    assert caught.value.kind == kind


def test_recipients_are_globs() -> None:
    """Whom the server may write to is said by address or domain, in small or large letters."""
    Mailing(replace(PLAIN, recipients=("*@Ops.example", "OPS@example.org")), TO, timeout=1)
