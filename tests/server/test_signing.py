from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from loopline.errors import Invalid, Unavailable
from loopline.server.signing import keys_at, keys_of, signature

from .receiving import Letter, verified

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + "A" * 32


def letter(header: str, *, body: bytes = b'{"a":1}', number: str = "msg_1", at: int = 1_700_000_000) -> Letter:
    """A request with such a signature."""
    return Letter("/", {"webhook-id": number, "webhook-timestamp": str(at), "webhook-signature": header}, body, 0)


def test_the_example_of_the_reference_libraries() -> None:
    """The known secret, id, time and body give the signature that Standard Webhooks' own libraries test against."""
    body = b'{"test": 2432232314}'
    found = signature(keys_of(SECRET), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_any_of_several_secrets_verifies() -> None:
    """While a secret is changed, receivers with the old one and with the new one both accept."""
    header = signature(keys_of(f"{SECRET} {OTHER}"), "msg_1", 1_700_000_000, b'{"a":1}')
    for secret, good in ((SECRET, True), (OTHER, True), ("whsec_" + "B" * 32, False)):
        assert verified(letter(header), secret, now=1_700_000_000) is good


def test_whatever_is_changed_is_noticed() -> None:
    """Another body, id or time does not carry the signature, and an old one is a replay."""
    header = signature(keys_of(SECRET), "msg_1", 1_700_000_000, b'{"a":1}')
    assert not verified(letter(header, body=b'{"a":2}'), SECRET, now=1_700_000_000)
    assert not verified(letter(header, number="msg_2"), SECRET, now=1_700_000_000)
    assert not verified(letter(header, at=1_700_000_001), SECRET, now=1_700_000_000)
    assert not verified(letter(header), SECRET, now=1_700_001_000)


@pytest.mark.parametrize(
    "weak", ["", "hunter2", "whsec_", "whsec_c2hvcnQ=", "whsec_not base64 at all!!", f"{SECRET} short"]
)
def test_a_weak_secret_signs_nothing(weak: str) -> None:
    """A secret that could be found by trying is refused, and the refusal does not repeat it."""
    with pytest.raises(Invalid) as caught:
        keys_of(weak)
    assert caught.value.kind == "weak-secret"
    assert not weak or weak not in f"{caught.value} {caught.value.facts}"


def test_a_file_signs_only_in_its_folder(tmp_path: Path) -> None:
    """A file in the folder is read, also by a link inside of it, as Kubernetes mounts them; without a folder none is."""
    folder = tmp_path / "secrets"
    (folder / "..data").mkdir(parents=True)
    (folder / "..data" / "hook").write_text(SECRET)
    (folder / "hook").symlink_to("..data/hook")
    for name in ("hook", "..data/hook"):
        assert keys_at(f"file:{folder}/{name}", folder=str(folder)) == keys_of(SECRET)
        with pytest.raises(Unavailable):
            keys_at(f"file:{folder}/{name}")
    assert keys_at("", folder=str(folder)) == ()


def test_whatever_is_wrong_with_a_secret_is_told_in_the_same_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither what a file holds nor whether it is there is told to whoever names it; the server's log knows."""
    folder = tmp_path / "secrets"
    (folder / "folder").mkdir(parents=True)
    for name, text in (("short", "short"), ("empty", "")):
        (folder / name).write_text(text)
    (folder / "raw").write_bytes(b"\xff" * 40)
    (folder / "circle").symlink_to("circle")
    (tmp_path / "good").write_text(SECRET)
    (tmp_path / "short").write_text("x")
    (folder / "out").symlink_to(tmp_path / "good")
    monkeypatch.setenv("WEAK", "short")
    inside = ("none", "short", "empty", "raw", "folder", "circle", "out", "../good", "../short", "../none", "")
    outside = ("/etc/passwd", "/nonexistent", f"{folder}2/x", str(tmp_path / "good"))
    references = [
        *(f"file:{folder}/{name}" for name in inside),
        *(f"file:{name}" for name in outside),
        "env:WEAK",
        "env:NONE",
    ]
    told = set()
    with caplog.at_level(logging.WARNING, "loopline.relay"):
        for reference in references:
            with pytest.raises(Unavailable) as caught:
                keys_at(reference, folder=str(folder))
            told.add((caught.value.kind, caught.value.message.replace(reference, "…"), caught.value.hint))
    assert len(told) == 1
    assert len({one.getMessage().partition(": ")[2] for one in caplog.records}) > 3
