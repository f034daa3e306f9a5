from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import replace
from hashlib import md5, sha256
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET
from zlib import crc32

import pytest

from loopline.datasets.overlay import NOTHING
from loopline.datasets.tree import build
from loopline.faces.s3 import serving_parts
from loopline.nouns.digest import digest_of
from loopline.nouns.entry import Entry
from loopline.nouns.name import AssetName, RefName
from loopline.verbs.add import add
from loopline.verbs.branch import branch
from loopline.verbs.bucket import bucket
from loopline.verbs.commit import commit

if TYPE_CHECKING:
    from .conftest import Door

RAW = RefName(AssetName("flights", "data", "raw-flights"), "main")
HELLO = f'"{md5(b"hello", usedforsecurity=False).hexdigest()}"'


def _crc(body: bytes) -> str:
    return b64encode(crc32(body).to_bytes(4, "big")).decode()


def test_what_is_put_is_read_at_once(door: Door) -> None:
    """Bytes, type, metadata and md5 come back as they went in, before and after they are committed."""
    put = door.put(
        "/raw-flights/jan/a%20b%2B%C3%A9.csv", b"hello", content_type="text/csv", x_amz_meta_who="Ann",
        cache_control="no-store", content_encoding="zip,aws-chunked", x_amz_tagging="a=1&b=2",
    )  # fmt: skip
    assert put.headers["etag"] == HELLO
    for committed in (False, True):
        if committed:
            assert commit(door.served.loop, RAW).version.number == 1
        got = door.ask("GET", "/raw-flights/jan/a%20b%2B%C3%A9.csv")
        assert got.content == b"hello"
        said = {name: got.headers.get(name) for name in ("etag", "content-type", "x-amz-meta-who", "cache-control")}
        assert list(said.values()) == [HELLO, "text/csv", "Ann", "no-store"]
        assert (got.headers["content-encoding"], got.headers["x-amz-tagging-count"]) == ("zip", "2")
        head = door.ask("HEAD", "/raw-flights/jan/a%20b%2B%C3%A9.csv")
        assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "5")
        assert door.keys("/raw-flights?list-type=2") == ["jan/a b+é.csv"]
        assert "sandbox" in got.headers["content-security-policy"]


def test_what_came_by_another_door_says_that_its_tag_is_no_md5(door: Door) -> None:
    """Every data asset is a bucket, with branches and versions in front of keys, and each branch is one with plain keys."""
    door.put("/raw-flights/a.csv", b"1")
    commit(door.served.loop, RAW)
    loop = door.served.loop
    branch(loop, RAW.asset, "feature/x")
    with loop.ledger.telemetry() as tx:
        tx.rows.do("DELETE FROM sums")
        tx.buckets.remove("raw-flights")
    hexes = digest_of(b"1")[7:39]
    for path in (
        "raw-flights/main/a.csv",
        "raw-flights/1/a.csv",
        "raw-flights.main/a.csv",
        "raw-flights/feature/x/a.csv",
    ):
        assert door.ask("GET", f"/{path}").headers["etag"] == f'"{hexes}-1"', path
    door.put("/raw-flights/feature/x/b/c.csv")
    assert door.keys("/raw-flights?list-type=2") == ["feature/x/a.csv", "feature/x/b/c.csv", "main/a.csv"]
    assert door.read("/raw-flights?delimiter=/", "Prefix")[0][1:] == ["feature/", "main/"]
    assert door.keys("/raw-flights?prefix=feature/x/b") == ["feature/x/b/c.csv"]
    assert door.keys("/raw-flights.main?list-type=2") == ["a.csv"]
    assert door.code("PUT", "/raw-flights/1/a.csv", b"2") == (405, "MethodNotAllowed")
    assert door.code("PUT", "/raw-flights/none/a.csv", b"2") == (404, "NoSuchKey")
    assert door.code("PUT", "/raw-flights/main/", b"") == (400, "InvalidArgument")
    assert door.code("GET", "/raw-flights.none/a.csv") == (404, "NoSuchBucket")


def test_a_range_is_given_as_it_is_asked_for(door: Door) -> None:
    """First bytes, last bytes and what lies between; what lies outside is 416, and what is no range is the whole."""
    door.put("/raw-flights/a", b"0123456789")
    for said, body in (("bytes=2-4", b"234"), ("bytes=7-", b"789"), ("bytes=-3", b"789"), ("bytes=5-99", b"56789")):
        got = door.ask("GET", "/raw-flights/a", range=said)
        assert (got.status_code, got.content) == (206, body)
    assert door.ask("HEAD", "/raw-flights/a", range="bytes=5-99").headers["content-range"] == "bytes 5-9/10"
    assert door.ask("GET", "/raw-flights/a?partNumber=1").status_code == 206
    assert door.code("GET", "/raw-flights/a", range="bytes=10-") == (416, "InvalidRange")
    for said in ("bytes=5-2", "lines=1-2", "bytes=1-2,4-5", "bytes=-"):
        assert door.ask("GET", "/raw-flights/a", range=said).content == b"0123456789"
    assert door.ask("GET", "/raw-flights/a", range="bytes=0-1", if_range='"other"').status_code == 200
    assert door.ask("GET", "/raw-flights/a?response-content-type=text/x").headers["content-type"] == "text/x"
    assert door.code("GET", "/raw-flights/a?response-content-type=x%0d%0ay")[0] == 400


def test_conditions_of_readers_hold(door: Door) -> None:
    """Who has it gets 304, who wants another 412; times count only where no tag does."""
    door.put("/raw-flights/a", b"hello")
    read = door.ask("GET", "/raw-flights/a")
    at, before = read.headers["last-modified"], "Thu, 01 Jan 2015 00:00:00 GMT"
    cases: tuple[tuple[int, dict[str, str]], ...] = (
        (304, {"if_none_match": HELLO}), (304, {"if_modified_since": at}),
        (200, {"if_none_match": '"x"', "if_modified_since": at}),
        (412, {"if_match": '"x"'}), (200, {"if_match": HELLO, "if_unmodified_since": before}),
        (412, {"if_unmodified_since": before}), (200, {"if_modified_since": before}), (200, {"if_modified_since": "never"}),
    )  # fmt: skip
    for expected, headers in cases:
        assert door.ask("GET", "/raw-flights/a", b"", **headers).status_code == expected, headers


def test_conditions_of_writers_hold(door: Door) -> None:
    """One creates only what is not there, replaces and deletes only what they saw; of a key that is not there that is 404."""
    assert door.code("PUT", "/raw-flights/a", b"1", if_match='"x"') == (404, "NoSuchKey")
    door.put("/raw-flights/a", b"hello", if_none_match="*")
    assert door.code("PUT", "/raw-flights/a", b"2", if_none_match="*") == (412, "PreconditionFailed")
    assert door.code("PUT", "/raw-flights/a", b"2", if_match='"x"') == (412, "PreconditionFailed")
    assert door.code("PUT", "/raw-flights/a", b"2", if_none_match=HELLO) == (501, "NotImplemented")
    assert door.code("DELETE", "/raw-flights/a", if_match='"x"') == (412, "PreconditionFailed")
    door.put("/raw-flights/a", b"2", if_match=HELLO)
    assert door.ask("DELETE", "/raw-flights/a").status_code == 204
    assert door.ask("DELETE", "/raw-flights/a").status_code == 204
    door.put("/raw-flights/a", b"3", if_none_match="*")


def test_sums_of_a_body_are_held_against_it(door: Door) -> None:
    """A wrong hash, md5, checksum or length keeps nothing; a right one is told again to who asks for it."""
    good = {
        "x_amz_content_sha256": sha256(b"hello").hexdigest(), "x_amz_checksum_crc32": _crc(b"hello"),
        "content_md5": b64encode(md5(b"hello", usedforsecurity=False).digest()).decode(),
    }  # fmt: skip
    for name, code in (
        ("x_amz_content_sha256", "XAmzContentSHA256Mismatch"), ("x_amz_checksum_crc32", "BadDigest"),
        ("content_md5", "BadDigest"),
    ):  # fmt: skip
        assert door.code("PUT", "/raw-flights/a", b"hell0", **{name: good[name]}) == (400, code)
    assert door.code("PUT", "/raw-flights/a", b"x", content_md5="zz") == (400, "InvalidDigest")
    assert door.code("PUT", "/raw-flights/a", b"x", x_amz_checksum_crc32="zz") == (400, "InvalidRequest")
    assert door.code("GET", "/raw-flights/a") == (404, "NoSuchKey")
    assert door.put("/raw-flights/a", b"hello", **good).headers["x-amz-checksum-crc32"] == _crc(b"hello")
    got = door.ask("HEAD", "/raw-flights/a", x_amz_checksum_mode="ENABLED")
    assert (got.headers["x-amz-checksum-crc32"], got.headers["x-amz-checksum-type"]) == (_crc(b"hello"), "FULL_OBJECT")
    assert "x-amz-checksum-crc32" not in door.ask("HEAD", "/raw-flights/a").headers


@pytest.mark.parametrize(("algorithm", "value"), [("crc32c", "mnG7TA=="), ("crc64nvme", "M3eFcAZSQlc=")])
def test_other_sums_come_with_a_library(door: Door, algorithm: str, value: str) -> None:
    """CRC32C and CRC64NVME of what comes are made by awscrt."""
    said = {f"x_amz_checksum_{algorithm}": value}
    assert door.put("/raw-flights/a", b"hello", **said).headers[f"x-amz-checksum-{algorithm}"] == value


def test_sums_without_their_library_are_refused_in_words(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server without awscrt says which extra it lacks, instead of taking bytes that nobody has looked at."""
    import sys

    monkeypatch.setitem(sys.modules, "awscrt", None)
    answer = door.ask("PUT", "/raw-flights/a", b"hello", x_amz_checksum_crc32c="mnG7TA==")
    assert answer.status_code == 501
    assert "s3door" in answer.text


def _chunks(*parts: bytes, trailer: str = "") -> bytes:
    body = b"".join(f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in parts)
    return body + f"0\r\n{trailer}\r\n\r\n".encode()


def test_chunks_with_a_trailer_are_taken_apart(door: Door) -> None:
    """What is stored is what is in the chunks, and the sum behind them is looked at: there is no other."""
    body = b"hello" * 300_000
    headers = {
        "x_amz_content_sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x_amz_trailer": "x-amz-checksum-crc32",
        "x_amz_decoded_content_length": str(len(body)), "content_encoding": "aws-chunked",
    }  # fmt: skip
    chunks = _chunks(body[:1000], body[1000:], trailer=f"x-amz-checksum-crc32:{_crc(body)}")
    door.put("/raw-flights/a", chunks, **headers)
    got = door.ask("GET", "/raw-flights/a")
    assert got.content == body
    assert "content-encoding" not in got.headers
    wrong = _chunks(body, trailer=f"x-amz-checksum-crc32:{_crc(b'other')}")
    assert door.code("PUT", "/raw-flights/a", wrong, **headers) == (400, "BadDigest")
    assert door.code("PUT", "/raw-flights/a", chunks[:-9000], **headers) == (400, "IncompleteBody")
    headers["x_amz_decoded_content_length"] = str(len(body) - 1)
    assert door.code("PUT", "/raw-flights/a", chunks, **headers) == (400, "IncompleteBody")
    assert list(door.served.loop.work.glob("tmp/*")) == []


def test_a_body_of_unknown_length_is_taken_up_to_the_limit(door: Door) -> None:
    """A program that pipes need not know how much comes; what is larger than the server takes is not kept, said before or not."""
    door.served.app.state.desk = replace(door.served.desk, upload_limit=3 << 20)

    async def pieces(count: int) -> AsyncIterator[bytes]:
        for _ in range(count):
            yield b"x" * (1 << 20)

    assert door.served.ask("PUT", "/s3/raw-flights/a", content=pieces(2)).status_code == 200
    assert len(door.ask("GET", "/raw-flights/a").content) == 2 << 20
    assert "EntityTooLarge" in door.served.ask("PUT", "/s3/raw-flights/b", content=pieces(4)).text
    assert door.code("PUT", "/raw-flights/b", b"x" * ((3 << 20) + 1)) == (400, "EntityTooLarge")
    assert door.keys("/raw-flights?list-type=2") == ["a"]


UNHELD = (
    ("a//b", 400, "InvalidArgument"), ("/a", 400, "InvalidArgument"), ("a/%2E%2E/b", 400, "InvalidArgument"),
    ("a/%2E/b", 400, "InvalidArgument"), ("file/below", 409, "InvalidRequest"), ("folder", 409, "InvalidRequest"),
    ("%ff", 400, "InvalidArgument"), ("a%00b", 400, "InvalidArgument"), ("x" * 1025, 400, "KeyTooLongError"),
    ("marker-with-bytes/", 400, "InvalidRequest"),
)  # fmt: skip


def test_keys_that_no_tree_can_hold_are_refused(door: Door) -> None:
    """The answer names the rule, and nothing is tidied up into another key; to delete one is to do nothing."""
    door.put("/raw-flights/file")
    door.put("/raw-flights/folder/in")
    for path, status, code in UNHELD:
        assert door.code("PUT", f"/raw-flights/{path}", b"x") == (status, code), path
        if status == 400 and len(path) < 1000 and path not in ("%ff", "a%00b"):
            assert door.ask("DELETE", f"/raw-flights/{path}").status_code == 204
    assert commit(door.served.loop, RAW).version.number == 1
    assert door.keys("/raw-flights?list-type=2") == ["file", "folder/in"]


def test_a_key_that_ends_with_a_slash_is_an_empty_folder(door: Door) -> None:
    """Clients make folders so: it is listed, read and deleted as a key, and survives a commit."""
    door.put("/raw-flights/folder/", b"", content_type="application/x-directory")
    commit(door.served.loop, RAW)
    assert door.keys("/raw-flights?list-type=2") == ["folder/"]
    got = door.ask("GET", "/raw-flights/folder/")
    assert (got.content, got.headers["content-type"]) == (b"", "application/x-directory")
    assert door.code("GET", "/raw-flights/folder") == (404, "NoSuchKey")
    assert digest_of(b"") == NOTHING
    assert door.ask("DELETE", "/raw-flights/folder/").status_code == 204
    assert door.keys("/raw-flights?list-type=2") == []


def test_listings_page_and_roll_up(door: Door) -> None:
    """Both forms of the listing go on where they ended, with prefixes and any delimiter, and versions are the one there is."""
    for key in ("a/1", "a/2", "b", "c/3", "d é"):
        door.put(f"/raw-flights/{key.replace(' ', '%20')}")
    first = door.read(
        "/raw-flights?list-type=2&delimiter=/&max-keys=2", "Key", "Prefix", "IsTruncated", "NextContinuationToken"
    )
    assert first[:3] == [["b"], ["", "a/"], ["true"]]
    rest = door.read(
        f"/raw-flights?list-type=2&delimiter=/&continuation-token={first[3][0]}&encoding-type=url", "Key", "Prefix"
    )
    assert rest == [["d%20%C3%A9"], ["", "c/"]]
    assert door.keys("/raw-flights?list-type=2&start-after=a/2&max-keys=1") == ["b"]
    assert door.read("/raw-flights?marker=b&max-keys=1", "Key", "NextMarker") == [["c/3"], ["c/3"]]
    assert door.read("/raw-flights?versions&prefix=a/", "Key", "VersionId", "IsLatest")[1:] == [
        ["null"] * 2,
        ["true"] * 2,
    ]
    assert door.read("/raw-flights?list-type=2&max-keys=0", "Key", "IsTruncated") == [[], ["false"]]
    assert door.code("GET", "/raw-flights?list-type=2&max-keys=x") == (400, "InvalidArgument")
    assert door.code("GET", "/raw-flights?list-type=2&continuation-token=%25") == (400, "InvalidArgument")


def test_buckets_come_and_go(door: Door) -> None:
    """A bucket is an asset with a branch; it goes once it is empty, and names that are taken or are none are refused."""
    assert door.read("/", "Name") == [["raw-flights"]]
    assert door.ask("HEAD", "/raw-flights").headers["x-amz-bucket-region"]
    assert door.ask("HEAD", "/none").status_code == 404
    assert door.code("PUT", "/raw-flights") == (409, "BucketAlreadyOwnedByYou")
    assert door.code("PUT", "/Up") == (400, "InvalidBucketName")
    assert door.read("/raw-flights?location", "LocationConstraint") == [[""]]
    assert door.read("/raw-flights?versioning", "Status") == [[]]
    assert door.read("/raw-flights?acl", "Permission") == [["FULL_CONTROL"]]
    door.put("/raw-flights/a")
    assert door.code("DELETE", "/raw-flights") == (409, "BucketNotEmpty")
    door.ask("DELETE", "/raw-flights/a")
    assert door.ask("DELETE", "/raw-flights").status_code == 204
    assert door.code("GET", "/raw-flights") == (404, "NoSuchBucket")
    document = (
        b"<CreateBucketConfiguration><LocationConstraint>eu-west-3</LocationConstraint></CreateBucketConfiguration>"
    )
    door.put("/raw-flights", document)
    assert door.keys("/raw-flights?list-type=2") == []


def test_a_bucket_may_commit_each_write(door: Door) -> None:
    """With auto-commit each write and each deletion is a version at once."""
    bucket(door.served.loop, "by-itself", RAW, auto_commit=True)
    door.put("/by-itself/a", b"1")
    door.ask("DELETE", "/by-itself/a")
    with door.served.loop.ledger.read() as tx:
        assert [one.message for one in tx.versions.list(RAW.asset)] == ["delete a", "write a"]


def test_many_keys_are_deleted_at_once(door: Door) -> None:
    """Each key is told for itself, and quietly only what went wrong."""
    for key in ("a", "b", "c"):
        door.put(f"/raw-flights/{key}")
    rows = (
        '<Object><Key>a</Key></Object><Object><Key>none//x</Key></Object><Object><Key>b</Key><ETag>"x"</ETag></Object>'
    )
    told = door.read("/raw-flights?delete", "Key", "Code", method="POST", body=f"<Delete>{rows}</Delete>".encode())
    assert told == [["a", "none//x", "b"], ["PreconditionFailed"]]
    quiet = b"<Delete><Quiet>true</Quiet><Object><Key>c</Key></Object></Delete>"
    assert door.read("/raw-flights?delete", "Key", method="POST", body=quiet) == [[]]
    assert door.keys("/raw-flights?list-type=2") == ["b"]
    for wrong in (b"", b"<Delete/>", b"<Other/>", b"<Delete>", b'<!DOCTYPE a [<!ENTITY b "c">]><Delete>&b;</Delete>'):
        assert door.code("POST", "/raw-flights?delete", wrong) == (400, "MalformedXML")


def test_a_copy_takes_what_it_is_told(door: Door) -> None:
    """Bytes are not touched; metadata go along or are replaced; conditions on the source are held."""
    door.put("/raw-flights/a%20b", b"hello", content_type="text/csv", x_amz_meta_who="Ann")
    tag = door.read("/raw-flights/c", "ETag", method="PUT", x_amz_copy_source="/raw-flights/a%20b")[0]
    assert tag == [HELLO]
    assert door.ask("HEAD", "/raw-flights/c").headers["x-amz-meta-who"] == "Ann"
    again = {"x_amz_copy_source": "raw-flights/c", "x_amz_metadata_directive": "REPLACE", "x_amz_meta_who": "Bo"}
    door.put("/raw-flights/c", b"", **again)
    got = door.ask("GET", "/raw-flights/c")
    assert (got.content, got.headers["x-amz-meta-who"], got.headers["content-type"]) == (
        b"hello",
        "Bo",
        "binary/octet-stream",
    )
    for expected, headers in (
        ((400, "InvalidRequest"), {"x_amz_copy_source": "raw-flights/c"}),
        ((404, "NoSuchKey"), {"x_amz_copy_source": "raw-flights/none"}),
        ((404, "NoSuchBucket"), {"x_amz_copy_source": "none/c"}),
        ((412, "PreconditionFailed"), {**again, "x_amz_copy_source_if_match": '"x"'}),
        ((412, "PreconditionFailed"), {**again, "x_amz_copy_source_if_none_match": HELLO}),
    ):
        assert door.code("PUT", "/raw-flights/c", b"", **headers) == expected, headers


def test_tags_and_attributes_are_told(door: Door) -> None:
    """Tags are kept beside the bytes, whose tag stays; attributes are those that are asked for."""
    door.put("/raw-flights/a", b"hello", content_type="text/csv", x_amz_checksum_crc32=_crc(b"hello"))
    tagging = b"<Tagging><TagSet><Tag><Key>month</Key><Value>July</Value></Tag></TagSet></Tagging>"
    door.put("/raw-flights/a?tagging", tagging)
    assert door.read("/raw-flights/a?tagging", "Key", "Value") == [["month"], ["July"]]
    assert door.ask("HEAD", "/raw-flights/a").headers["content-type"] == "text/csv"
    assert door.ask("DELETE", "/raw-flights/a?tagging").status_code == 204
    assert door.read("/raw-flights/a?tagging", "Key") == [[]]
    told = door.read(
        "/raw-flights/a?attributes",
        "ETag",
        "ObjectSize",
        "ChecksumCRC32",
        x_amz_object_attributes="ETag,ObjectSize,Checksum",
    )
    assert told == [[HELLO.strip('"')], ["5"], [_crc(b"hello")]]
    assert door.read("/raw-flights/a?acl", "Permission") == [["FULL_CONTROL"]]
    assert door.code("GET", "/raw-flights/a?attributes", x_amz_object_attributes="Colour") == (400, "InvalidArgument")


def test_what_is_not_served_says_so(door: Door) -> None:
    """Other operations, words of a query and headers that would mean something are 501, never passed over."""
    door.put("/raw-flights/a")
    for query in ("prefix=%ff", "prefix=%00", "a&" * 1001):
        assert door.ask("GET", f"/raw-flights?{query}").status_code == 400
    for method, path in (
        ("GET", "/raw-flights?policy"), ("PUT", "/raw-flights?versioning"), ("GET", "/raw-flights/a?torrent"),
        ("POST", "/raw-flights/a?select&select-type=2"), ("GET", "/raw-flights/a?colour=red"), ("PUT", "/raw-flights/a?acl"),
    ):  # fmt: skip
        assert door.code(method, path) == (501, "NotImplemented"), path
    for header in ("x_amz_server_side_encryption", "x_amz_object_lock_mode", "x_amz_grant_read"):
        assert door.code("PUT", "/raw-flights/a", b"x", **{header: "AES256"}) == (501, "NotImplemented")
    assert door.code("PUT", "/raw-flights/a", b"x", x_amz_acl="public-read") == (400, "AccessControlListNotSupported")
    assert door.code("PUT", "/raw-flights/a", b"x", x_amz_content_sha256="STREAMING-OTHER") == (501, "NotImplemented")
    assert door.code("PATCH", "/raw-flights/a") == (405, "MethodNotAllowed")
    assert door.code("GET", "/raw-flights/a?versionId=7") == (404, "NoSuchVersion")


def test_parts_become_one_object(door: Door) -> None:
    """Parts come in any order and again, from elsewhere too; the whole has their tag, and says of how many it was made."""
    loop = door.served.loop
    large, small = b"a" * (5 << 20), b"tail"
    (name,) = door.read(
        "/raw-flights/big?uploads", "UploadId", method="POST", content_type="text/x", x_amz_checksum_algorithm="CRC32"
    )[0]
    assert door.keys("/raw-flights?uploads") == ["big"]
    door.put(f"/raw-flights/big?uploadId={name}&partNumber=2", b"other")
    tags = [
        door.put(f"/raw-flights/big?uploadId={name}&partNumber={number}", body).headers["etag"]
        for number, body in ((2, large), (1, large), (3, small))
    ]
    door.put("/raw-flights/source", b"0123456789")
    copied = door.read(
        f"/raw-flights/big?uploadId={name}&partNumber=4", "ETag", method="PUT", x_amz_copy_source="raw-flights/source",
        x_amz_copy_source_range="bytes=2-4",
    )[0]  # fmt: skip
    tags += copied
    assert door.read(f"/raw-flights/big?uploadId={name}&max-parts=2", "PartNumber", "Size", "IsTruncated") == [
        ["1", "2"], [str(len(large))] * 2, ["true"],
    ]  # fmt: skip

    def ending(*numbers: int) -> bytes:
        rows = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{tags[n - 1]}</ETag></Part>" for n in numbers)
        return f"<CompleteMultipartUpload>{rows}</CompleteMultipartUpload>".encode()

    path = f"/raw-flights/big?uploadId={name}"
    for numbers, code in (((2, 1), "InvalidPartOrder"), ((1, 3, 4), "EntityTooSmall"), ((), "MalformedXML")):
        assert door.code("POST", path, ending(*numbers)) == (400, code)
    assert door.code("POST", path, ending(1).replace(b"<PartNumber>1", b"<PartNumber>9")) == (400, "InvalidPart")
    assert door.keys("/raw-flights?list-type=2") == ["source"]
    assert door.code("POST", path, ending(1, 2, 3), if_match='"x"') == (404, "NoSuchKey")
    etag = door.read(path, "ETag", method="POST", body=ending(1, 2, 3))[0]
    md5s = b"".join(md5(body, usedforsecurity=False).digest() for body in (large, large, small))
    assert etag == [f'"{md5(md5s, usedforsecurity=False).hexdigest()}-3"']
    assert door.read(path, "ETag", method="POST", body=ending(1, 2, 3))[0] == etag
    commit(loop, RAW)
    got = door.ask("GET", "/raw-flights/big", x_amz_checksum_mode="ENABLED")
    assert got.content == large + large + small
    assert (got.headers["etag"], got.headers["content-type"], got.headers["x-amz-mp-parts-count"]) == (
        etag[0],
        "text/x",
        "3",
    )
    assert got.headers["x-amz-checksum-crc32"].endswith("-3")
    part = door.ask("GET", "/raw-flights/big?partNumber=3")
    assert (part.status_code, part.content) == (206, small)
    assert door.code("PUT", f"{path}&partNumber=1", b"late") == (404, "NoSuchUpload")
    entry = Entry("big", loop.blobs.put(b"other"), 5)
    add(loop, RAW.asset, tree=build(loop.blobs, [entry]))
    other = door.ask("HEAD", "/raw-flights/big")
    assert (other.headers["etag"], other.headers["content-type"]) == (f'"{entry.digest[7:39]}-1"', "text/x")


def test_who_waits_for_parts_hears_something(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """An end that takes long is answered with 200 and spaces; what came of it, an error too, stands behind them."""
    monkeypatch.setattr(serving_parts, "PATIENCE_S", 0.0)
    for body, code in ((b"x", ""), (b"y", "InvalidPart")):
        (name,) = door.read("/raw-flights/a?uploads", "UploadId", method="POST")[0]
        door.put(f"/raw-flights/a?uploadId={name}&partNumber=1", body)
        tag = md5(b"x", usedforsecurity=False).hexdigest()
        part = f"<Part><PartNumber>1</PartNumber><ETag>{tag}</ETag></Part>"
        answer = door.ask(
            "POST",
            f"/raw-flights/a?uploadId={name}",
            f"<CompleteMultipartUpload>{part}</CompleteMultipartUpload>".encode(),
        )
        assert answer.status_code == 200
        root = ET.fromstring(answer.text.strip())
        assert (answer.text[0], root.findtext("Code") or "") == (" ", code)
    assert door.ask("GET", "/raw-flights/a").content == b"x"


def test_bytes_that_the_store_has_lost_are_no_missing_key(door: Door) -> None:
    """A client that took the key for gone might delete its own copy: it is told that the server has a defect."""
    door.put("/raw-flights/a", b"hello")
    door.served.loop.blobs.delete(digest_of(b"hello"))
    assert door.code("GET", "/raw-flights/a") == (500, "InternalError")
    assert door.ask("HEAD", "/raw-flights/a").status_code == 200


def test_an_upload_that_is_aborted_leaves_nothing(door: Door) -> None:
    """Its parts are forgotten, and it is known no more; uploads are of one key."""
    (name,) = door.read("/raw-flights/a?uploads", "UploadId", method="POST")[0]
    door.put(f"/raw-flights/a?uploadId={name}&partNumber=1", b"x")
    assert door.code("PUT", f"/raw-flights/b?uploadId={name}&partNumber=1", b"x") == (404, "NoSuchUpload")
    assert door.code("PUT", f"/raw-flights/a?uploadId={name}&partNumber=0", b"x") == (400, "InvalidArgument")
    assert door.code("PUT", "/raw-flights/a?partNumber=1", b"x") == (400, "InvalidArgument")
    assert door.ask("DELETE", f"/raw-flights/a?uploadId={name}").status_code == 204
    assert door.code("GET", f"/raw-flights/a?uploadId={name}") == (404, "NoSuchUpload")
    assert door.read("/raw-flights?uploads&delimiter=/", "UploadId") == [[]]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/raw-flights?list-type=2&max-keys=%C2%B2"), ("GET", "/raw-flights/a?partNumber=%C2%B2"),
        ("PUT", "/raw-flights/a?uploadId=1&partNumber=%C2%B2"), ("GET", "/raw-flights?uploads&max-uploads=%D9%A3"),
        ("PUT", "/raw-flights/a?uploadId=1&partNumber=00000110000000"),
    ],
)  # fmt: skip
def test_what_only_python_takes_for_a_number_is_none(door: Door, method: str, path: str) -> None:
    """Digits of other scripts, and numbers that do not end, are an argument that is wrong, and no defect."""
    door.put("/raw-flights/a")
    assert door.code(method, path)[0] in (400, 416)
    headers = {"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x-amz-decoded-content-length": b"\xb2"}
    assert door.code("PUT", "/raw-flights/a", b"x", **headers) == (400, "InvalidArgument")  # type: ignore[arg-type]


def test_a_key_of_a_copys_source_holds_no_nul(door: Door) -> None:
    """No database has to say so."""
    assert door.code("PUT", "/raw-flights/b", x_amz_copy_source="/raw-flights/a%00b") == (400, "InvalidArgument")
