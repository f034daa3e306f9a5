"""Signatures held against those that AWS has published, and against botocore's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.faces.s3.errors import Fault
from loopline.faces.s3.signing import EMPTY, Asked, Signed, claim_of, prove

KEY = "akiaIOSFODNN7EXAMPLE".replace("akia", "AKIA")  # so that nobody takes the documentation's example for a secret
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
THEN = datetime(2013, 5, 24, tzinfo=UTC)
SCOPE = "20130524/us-east-1/s3/aws4_request"
HOST = "examplebucket.s3.amazonaws.com"
AUTHORIZATION = f"AWS4-HMAC-SHA256 Credential={KEY}/{SCOPE},SignedHeaders={{}},Signature={{}}"
WELCOME = sha256(b"Welcome to Amazon S3.").hexdigest()


def _asked(method: str, path: str, query: str = "", **headers: str) -> Asked:
    fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Asked(method, path.encode(), query.encode(), fields)


def _proved(asked: Asked, *, secret: str = SECRET, now: datetime = THEN) -> Signed:
    claim = claim_of(asked)
    assert claim is not None
    return prove(asked, claim, secret, now=now)


@pytest.mark.parametrize(
    ("method", "path", "query", "headers", "signature"),
    [
        ("GET", "/test.txt", "", {"range": "bytes=0-9"}, "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
        (
            "PUT", "/test%24file.text", "",
            {
                "date": "Fri, 24 May 2013 00:00:00 GMT", "x_amz_storage_class": "REDUCED_REDUNDANCY",
                "x_amz_content_sha256": WELCOME,
            },
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        ("GET", "/", "lifecycle", {}, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        ("GET", "/", "max-keys=2&prefix=J", {}, "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ],
)  # fmt: skip
def test_published_signatures_are_ours(
    method: str, path: str, query: str, headers: dict[str, str], signature: str
) -> None:
    """Every example of AWS's documentation is found to be right, and none with another secret, path, query or method."""
    fields = {"host": HOST, "x_amz_date": "20130524T000000Z", "x_amz_content_sha256": EMPTY, **headers}
    names = ";".join(sorted(name.replace("_", "-") for name in fields))
    fields["authorization"] = AUTHORIZATION.format(names, signature)
    assert _proved(_asked(method, path, query, **fields)).signature == signature
    for other in (
        (method, path + "x", query), (method, path, query + "&x=1"), ("POST", path, query),
        (method, path.replace("/", "//"), query),
    ):  # fmt: skip
        with pytest.raises(Fault) as caught:
            _proved(_asked(*other, **fields))
        assert caught.value.code == "SignatureDoesNotMatch"
    with pytest.raises(Fault):
        _proved(_asked(method, path, query, **fields), secret="other")


PRESIGNED = (
    f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={KEY}%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
    "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
    "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
)


def test_a_published_address_holds_for_a_day() -> None:
    """A presigned address is right until its seconds are over, and not long before its time."""
    asked = _asked("GET", "/test.txt", PRESIGNED, host=HOST)
    assert _proved(asked, now=THEN + timedelta(seconds=86399)).scope == SCOPE
    for now in (THEN + timedelta(seconds=86401), THEN - timedelta(minutes=16)):
        with pytest.raises(Fault) as caught:
            _proved(asked, now=now)
        assert caught.value.code == "AccessDenied"


def test_what_is_old_or_was_added_on_the_way_is_refused() -> None:
    """The time of a request is within minutes; headers that mean something are signed; a signature stands in one place."""
    fields = {
        "host": HOST, "x_amz_date": "20130524T000000Z", "x_amz_content_sha256": EMPTY,
        "authorization": AUTHORIZATION.format("host;x-amz-content-sha256;x-amz-date", "0" * 64),
    }  # fmt: skip
    for now, code in ((THEN + timedelta(minutes=16), "RequestTimeTooSkewed"), (THEN, "SignatureDoesNotMatch")):
        with pytest.raises(Fault) as caught:
            _proved(_asked("GET", "/", **fields), now=now)
        assert caught.value.code == code
    with pytest.raises(Fault) as caught:
        _proved(_asked("PUT", "/x", x_amz_meta_who="eve", **fields))
    assert caught.value.facts == {"HeadersNotSigned": "x-amz-meta-who"}
    with pytest.raises(Fault) as caught:
        claim_of(_asked("GET", "/", PRESIGNED, **fields))
    assert caught.value.code == "InvalidArgument"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("AWS AKIA:sig", "InvalidRequest"),
        ("AWS4-HMAC-SHA256 Credential=x", "AuthorizationHeaderMalformed"),
        (AUTHORIZATION.format("host", "0" * 64).replace("20130524/", "20130525/"), "AuthorizationHeaderMalformed"),
        (AUTHORIZATION.format("host", "0" * 64).replace("/s3/", "/ec2/"), "AuthorizationHeaderMalformed"),
        ("Basic YTpi", "AuthorizationHeaderMalformed"),
    ],
)
def test_what_is_no_signature_of_ours_is_named(said: str, code: str) -> None:
    """Older ways to sign, other services and cut headers are told apart; a bearer's token is none of them."""
    fields = {"host": HOST, "x_amz_date": "20130524T000000Z", "x_amz_content_sha256": EMPTY}
    with pytest.raises(Fault) as caught:
        claim_of(_asked("GET", "/", authorization=said, **fields))
    assert caught.value.code == code
    assert claim_of(_asked("GET", "/", authorization="Bearer ll_x_y", **fields)) is None
    assert claim_of(_asked("GET", "/", **fields)) is None


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
KEYS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="?#\0"), min_size=1, max_size=12)


def _sent(method: str, url: str, headers: dict[str, Any], *, query: bool) -> Asked:
    """Sign as boto3 does, and give what goes over the wire."""
    request = AWSRequest(method=method, url=url, headers=headers, data=b"")
    kind = S3SigV4QueryAuth if query else S3SigV4Auth
    kind(Credentials(KEY, SECRET), "s3", "eu-west-3").add_auth(request)
    prepared = request.prepare()
    parts = urlsplit(str(prepared.url))
    fields = [(b"host", parts.netloc.encode())]
    for name, value in prepared.headers.items():
        text = value if isinstance(value, bytes) else str(value).encode()
        fields.append((name.lower().encode(), text))
    return Asked(method, parts.path.encode(), parts.query.encode(), fields)


@settings(max_examples=60)
@given(
    key=KEYS, pairs=st.lists(st.tuples(TEXT.filter(bool), TEXT), max_size=3), query=st.booleans(),
    method=st.sampled_from(["GET", "PUT"]),
)  # fmt: skip
def test_whatever_botocore_signs_is_right(key: str, pairs: list[tuple[str, str]], *, query: bool, method: str) -> None:
    """Keys, queries and ports of any letters are signed by us as by boto3, in headers and in addresses."""
    from botocore.compat import quote

    words = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in pairs)
    url = f"https://127.0.0.1:4040/s3/raw-flights/{quote(key, safe='/~')}{'?' if words else ''}{words}"
    asked = _sent(method, url, {"x-amz-meta-who": "a  b", "range": "bytes=0-1"}, query=query)
    assert _proved(asked, now=datetime.now(UTC)).key
