"""Requests of a multipart upload, one by one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from urllib3.exceptions import ProtocolError

from loopline.errors import Unavailable
from loopline.store.s3calls import Calls, Gone, calls_to


def answering(monkeypatch: pytest.MonkeyPatch, *answers: Any) -> tuple[Calls, list[float]]:
    """Give requests that are answered so, one after the other, and how long was waited in between."""
    waits: list[float] = []
    rest = iter(answers)

    def once(*_: object) -> Any:
        answer = next(rest)
        if isinstance(answer, Exception):
            raise answer
        status, body, headers = answer
        return SimpleNamespace(status=status, data=body, headers=headers)

    monkeypatch.setattr(Calls, "_once", once)
    monkeypatch.setattr("time.sleep", waits.append)
    return Calls("s3://b", "http://x/b", "", "us-east-1", "key", "hush"), waits


BUSY = (503, b"<Error><Code>SlowDown</Code></Error>", {"Retry-After": "7"})
GOOD = (200, b"<R><UploadId>u&amp;1</UploadId></R>", dict[str, str]())


def test_a_store_that_says_when_is_listened_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy store is asked again when it says, at most for a minute; others after a while that grows and differs."""
    none = dict[str, str]()
    calls, waits = answering(monkeypatch, BUSY, ProtocolError("cut"), (500, b"", none), (200, BUSY[1], none), GOOD)
    assert calls.begin("k") == "u&1"
    assert waits[0] == 7
    assert 0.1 <= waits[1] <= 0.3
    assert len(waits) == 4
    calls, waits = answering(monkeypatch, *[(503, b"", {"Retry-After": "86400"})] * 9)
    with pytest.raises(Unavailable) as caught:
        calls.begin("k")
    assert (caught.value.kind, max(waits), len(waits)) == ("store-unreachable", 60, 6)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "AccessDenied", "store-refused"),
        (404, "NoSuchBucket", "store-missing"),
        (400, "QuotaExceeded", "disk-full"),
    ],
)
def test_a_refusal_is_told_at_once(monkeypatch: pytest.MonkeyPatch, status: int, code: str, kind: str) -> None:
    """It is not asked again, and says nothing of keys."""
    calls, waits = answering(monkeypatch, (status, f"<Error><Code>{code}</Code></Error>".encode(), {}))
    with pytest.raises(Unavailable) as caught:
        calls.begin("k")
    assert (caught.value.kind, waits) == (kind, [])
    assert "hush" not in repr(calls) + repr(caught.value.facts)
    calls, _ = answering(monkeypatch, (404, b"<Error><Code>NoSuchUpload</Code></Error>", {}))
    with pytest.raises(Gone):
        calls.complete("k", "u", [])


PAGE = (200, b"<html>log in first</html>", {"Content-Length": "x", "Retry-After": "\xb2"})


@pytest.mark.parametrize(
    "ask",
    [
        lambda calls: calls.begin("k"),
        lambda calls: calls.put_part("k", "u", 1, b""),
        lambda calls: calls.look("k"),
        lambda calls: list(calls.parts("k", "u")),
        lambda calls: list(calls.begun("packs")),
    ],
)  # fmt: skip
def test_an_answer_that_no_store_gives_is_told(monkeypatch: pytest.MonkeyPatch, ask: Any) -> None:
    """A page of whoever stands between, or half of what was expected, is a broken store, and no defect of ours."""
    busy, half = (503, *PAGE[1:]), (200, b"<R><Part/><Upload/><IsTruncated>true</IsTruncated></R>", PAGE[2])
    calls, _ = answering(monkeypatch, busy, half)
    with pytest.raises(Unavailable) as caught:
        ask(calls)
    assert caught.value.kind == "store-broken"


def test_pages_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts and uploads come a page at a time; uploads beside the store's own folder are not its affair."""
    part = b"<Part><PartNumber>%d</PartNumber><ETag>&quot;e&quot;</ETag><Size>5</Size></Part>"
    more = b"<IsTruncated>true</IsTruncated><NextPartNumberMarker>1</NextPartNumberMarker>"
    calls, _ = answering(monkeypatch, (200, part % 1 + more, {}), (200, part % 2, {}))
    assert [(one.number, one.etag, one.size) for one in calls.parts("k", "u")] == [(1, '"e"', 5), (2, '"e"', 5)]
    upload = b"<Upload><Key>%s</Key><UploadId>u</UploadId><Initiated>2026-11-29T00:00:01.000Z</Initiated></Upload>"
    more = b"<IsTruncated>true</IsTruncated><NextKeyMarker>a</NextKeyMarker><NextUploadIdMarker>b</NextUploadIdMarker>"
    calls, _ = answering(monkeypatch, (200, upload % b"blobs/x" + more, {}), (200, upload % b"else/x", {}))
    assert [(one.key, one.at) for one in calls.begun("blobs")] == [("blobs/x", 1795910401)]


def test_only_keys_that_are_written_down(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other stores than S3, other ways there and a machine's role are left to obstore."""
    calls = calls_to(bucket)
    assert calls is not None
    assert (calls.prefix, calls.key) == ("ml/", "AKIAEXAMPLE")
    assert calls_to("gs://bucket/x") is None
    monkeypatch.setenv("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "true")
    assert calls_to(bucket) is None
    monkeypatch.delenv("AWS_VIRTUAL_HOSTED_STYLE_REQUEST")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    assert calls_to(bucket) is None
