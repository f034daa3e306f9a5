"""Objects: written, read, listed, copied, deleted, and brought to a signed address."""

from __future__ import annotations

from hashlib import md5
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Lake

R = "repositories/flights"
M = f"{R}/branches/main"


def test_an_object_is_read_as_it_was_written(lake: Lake) -> None:
    """Bytes, type, metadata and md5 come back whole, in ranges and by HEAD; what the client has is not sent again."""
    body = bytes(range(256)) * 20
    said = lake.put("main", "jan/a%20b.csv", body, Content_Type="text/csv", x_lakefs_meta_Source="Zürich")
    assert (said["path"], said["size_bytes"], said["checksum"]) == ("jan/a b.csv", len(body), md5(body).hexdigest())
    assert (said["content_type"], said["metadata"]) == ("text/csv", {"source": "Zürich"})
    where = f"{R}/refs/main/objects?path=jan/a%20b.csv"
    stat = lake.say("GET", f"{R}/refs/main/objects/stat?path=jan/a%20b.csv")
    assert stat == said
    assert "metadata" not in lake.say("GET", f"{R}/refs/main/objects/stat?path=jan/a%20b.csv&user_metadata=false")
    whole = lake.ask("GET", where)
    assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, body, "text/csv")
    for said_range, status, found in (
        ("bytes=10-19", 206, body[10:20]), ("bytes=-5", 206, body[-5:]), ("bytes=5000-", 206, body[5000:]),
        ("lines=1-2", 200, body),
    ):  # fmt: skip
        answer = lake.ask("GET", where, Range=said_range)
        assert (answer.status_code, answer.content) == (status, found)
    late = lake.ask("GET", where, Range="bytes=9999-")
    assert (late.status_code, late.headers["content-range"]) == (416, f"bytes */{len(body)}")
    head = lake.ask("HEAD", where)
    assert (head.headers["content-length"], head.content) == (str(len(body)), b"")
    assert lake.ask("GET", where, If_None_Match=head.headers["etag"]).status_code == 304
    assert lake.served.ask("GET", "/s3/flights/main/jan/a%20b.csv").headers["x-amz-meta-source"] == "Zürich"


@pytest.mark.parametrize("size", [0, 5, 3 << 20])
def test_a_form_holds_one_file(lake: Lake, size: int) -> None:
    """What the SDK sends as a form is the same object as its bytes alone, whatever else the form holds and where it is cut."""
    body = (b"\r\n--bound\r\n-" * (size // 12 + 1))[:size]
    form = (
        b'--boundary\r\nContent-Disposition: form-data; name="other"\r\n\r\nx\r\n'
        b'--boundary\r\nContent-Disposition: form-data; name="content"; filename="content_0"\r\nContent-Type: text/x\r\n\r\n'
        + body + b"\r\n--boundary--\r\n"
    )  # fmt: skip
    kind = "multipart/form-data; boundary=boundary"
    said = lake.put("main", "a", form, Content_Type=kind)
    assert (said["size_bytes"], said["checksum"], said["content_type"]) == (size, md5(body).hexdigest(), "text/x")
    assert lake.ask("GET", f"{R}/refs/main/objects?path=a").content == body
    for broken in (form[:-20], b"--boundary--\r\n", form.replace(b'"content"', b'"file"')):
        assert lake.ask("POST", f"{M}/objects?path=b", broken, Content_Type=kind).status_code == 400
    assert lake.paths("refs/main/objects/ls") == ["a"]


def test_conditions_hold_at_the_moment_of_writing(lake: Lake) -> None:
    """`If-None-Match: *` makes and does not replace, `If-Match` replaces what one has seen; else 412, and nothing is written."""
    tag = lake.put("main", "a", b"one", If_None_Match="*")["checksum"]
    assert lake.ask("POST", f"{M}/objects?path=a", b"two", If_None_Match="*").status_code == 412
    assert lake.ask("POST", f"{M}/objects?path=a", b"two", If_Match="x").status_code == 412
    assert lake.ask("POST", f"{M}/objects?path=new", b"two", If_Match=tag).status_code == 412
    assert lake.ask("POST", f"{M}/objects?path=a", b"two", If_None_Match=tag).status_code == 400
    lake.put("main", "a", b"three", If_Match=f'"{tag}"')
    assert lake.ask("GET", f"{R}/refs/main/objects?path=a").content == b"three"


def test_listings_go_on_where_they_ended(lake: Lake) -> None:
    """Pages follow each other without gap or overlap, prefixes roll up what is below them, and a page says how far it goes."""
    for path in ("a/1", "a/2", "a/b/3", "b", "c/4"):
        lake.put("main", path)
    found, after = [], ""
    for _ in range(9):
        said = lake.say("GET", f"{R}/refs/main/objects/ls?amount=2&after={after}")
        found += [one["path"] for one in said["results"]]
        after = said["pagination"]["next_offset"]
        if not said["pagination"]["has_more"]:
            break
    assert found == ["a/1", "a/2", "a/b/3", "b", "c/4"]
    said = lake.say("GET", f"{R}/refs/main/objects/ls?delimiter=/&amount=2")
    assert [(one["path"], one["path_type"]) for one in said["results"]] == [("a/", "common_prefix"), ("b", "object")]
    assert lake.paths(f"refs/main/objects/ls?delimiter=/&after={said['pagination']['next_offset']}") == ["c/"]
    assert lake.paths("refs/main/objects/ls?delimiter=/&prefix=a/") == ["a/1", "a/2", "a/b/"]


def test_copies_and_deletes_touch_no_bytes(lake: Lake) -> None:
    """A copy has the metadata of its source, of any ref; deleting many is one question, and what is not there is gone already."""
    lake.put("main", "a", b"x", Content_Type="text/csv", x_lakefs_meta_k="v")
    lake.commit("main", "first")
    lake.branch("dev")
    lake.say("DELETE", f"{M}/objects?path=a")
    assert lake.ask("DELETE", f"{M}/objects?path=never").status_code == 204
    said = lake.say("POST", f"{M}/objects/copy?dest_path=z", {"src_path": "a", "src_ref": "dev"})
    assert (said["path"], said["content_type"], said["metadata"]) == ("z", "text/csv", {"k": "v"})
    for path in ("b", "c"):
        lake.put("main", path)
    assert lake.say("POST", f"{M}/objects/delete", {"paths": ["b", "never", "c"]}) == {"errors": []}
    assert lake.paths("refs/main/objects/ls") == ["z"]
    assert lake.ask("GET", f"{M}/objects/stage_allowed?path=z").status_code == 204


def test_bytes_come_by_a_signed_address(lake: Lake) -> None:
    """Asked for, an address is given where bytes are brought; they are an object once the client says what they are."""
    said = lake.say("GET", f"{M}/staging/backing?path=a&presign=true")
    url = said["presigned_url"].removeprefix("http://127.0.0.1:4040")
    brought = lake.served.ask("PUT", url, content=b"hello")
    assert brought.headers["etag"] == f'"{md5(b"hello").hexdigest()}"'
    body = {
        "staging": said, "checksum": brought.headers["etag"].strip('"'), "size_bytes": 5, "content_type": "text/x",
        "user_metadata": {"Key": "v"},
    }  # fmt: skip
    for wrong in ({"checksum": "0"}, {"size_bytes": 4}, {"staging": {"physical_address": "s3://other/x"}}):
        assert lake.ask("PUT", f"{M}/staging/backing?path=a", body | wrong).status_code == 400
    assert lake.ask("PUT", f"{M}/staging/backing?path=b", body).status_code == 400
    linked = lake.say("PUT", f"{M}/staging/backing?path=a", body, If_None_Match="*")
    assert (linked["size_bytes"], linked["content_type"], linked["metadata"]) == (5, "text/x", {"Key": "v"})
    assert lake.ask("PUT", f"{M}/staging/backing?path=a", body).status_code == 400
    stat = lake.say("GET", f"{R}/refs/main/objects/stat?path=a&presign=true")
    read = lake.served.ask("GET", stat["physical_address"].removeprefix("http://127.0.0.1:4040"))
    assert read.content == b"hello"


def test_what_no_header_can_say_stays_out_of_headers(lake: Lake) -> None:
    """Names with spaces are metadata here and no header of either door; lines, and too many of them, are refused."""
    said = lake.say("GET", f"{M}/staging/backing?path=a&presign=true")
    brought = lake.served.ask("PUT", said["presigned_url"].removeprefix("http://127.0.0.1:4040"), content=b"x")
    body = {"staging": said, "checksum": brought.headers["etag"].strip('"'), "size_bytes": 1}
    for wrong in (
        {"content_type": "a\r\nb: c"},
        {"user_metadata": {"k": "a\nb"}},
        {"user_metadata": {"k": "x" * 9000}},
    ):
        assert lake.ask("PUT", f"{M}/staging/backing?path=a", body | wrong).status_code == 400
    linked = lake.say("PUT", f"{M}/staging/backing?path=a", body | {"user_metadata": {"my key": "v", "k": "ü"}})
    assert linked["metadata"] == {"my key": "v", "k": "ü"}
    for path in (f"/lakefs/api/v1/{R}/refs/main/objects?path=a", "/s3/flights/main/a"):
        headers = lake.served.ask("GET", path).headers
        assert not [name for name in headers if "my key" in name]
        assert [value for name, value in headers.items() if name.endswith("-meta-k")] == ["ü"]
