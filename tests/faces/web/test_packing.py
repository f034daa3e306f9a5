from __future__ import annotations

import re
from gzip import decompress
from typing import TYPE_CHECKING

import pytest

from loopline.faces.forms import knows, masked
from loopline.faces.web.packing import packed, packs

from .posting import token_for

if TYPE_CHECKING:
    from .serving import Server
    from .story import Story


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("gzip", True), ("gzip, deflate, br", True), ("br;q=1.0, gzip;q=0.8", True), ("*", True), ("GZIP", True),
        ("", False), ("br", False), ("gzip;q=0", False), ("gzip; q=0.000", False), ("*, gzip;q=0", False), ("gzipped", False),
    ],
)  # fmt: skip
def test_only_who_takes_gzip_gets_it(said: str, *, wanted: bool) -> None:
    """As the weights of Accept-Encoding say; nothing said means as it is."""
    assert packs({"accept-encoding": said}) is wanted


def test_the_same_bytes_are_packed_the_same() -> None:
    """No clock stands in what is compressed, so caches and digests agree."""
    assert packed(b"x" * 2000) == packed(b"x" * 2000)
    assert decompress(packed(b"x" * 2000)) == b"x" * 2000


def test_a_page_is_compressed_for_who_takes_it_and_never_for_another_site(served: Server) -> None:
    """The same page, and its files; what another site asks for has its own length, so that nothing is learned of it."""
    sheet = served.get("/p/flights").tree.all("link", rel="stylesheet")[0]["href"]
    for path in ("/p/flights", sheet):
        plain = _raw(served, path)
        small = _raw(served, path, **{"Accept-Encoding": "gzip"})
        foreign = _raw(served, path, **{"Accept-Encoding": "gzip", "Sec-Fetch-Site": "cross-site"})
        assert plain[0] is None
        assert small[0] == "gzip"
        assert foreign[0] is None
        assert len(small[1]) < len(plain[1]) / 2
        assert "Accept-Encoding" in small[2]
    assert decompress(_raw(served, sheet, **{"Accept-Encoding": "gzip"})[1]) == _raw(served, sheet)[1]


def test_what_forms_hold_looks_different_each_time(fresh: Story, serving: Server) -> None:
    """No two pages hold the same text, nor the session's value itself, and each is taken back."""
    token = token_for(fresh, "ann", "admin", everywhere=True)
    answer = serving.http.request(
        "POST", serving.url + "/login", fields={"token": token, "next": "/p/flights"}, encode_multipart=False, redirect=False,
    )  # fmt: skip
    cookie = {"Cookie": answer.headers["set-cookie"].partition(";")[0], "Origin": serving.url}
    found = []
    for _ in range(2):
        page = serving.http.request("GET", serving.url + "/p/flights/settings", headers=cookie).data.decode()
        found += re.findall(r'name="csrf" value="([^"]+)"', page)[:1]
    with fresh.loop.ledger.read() as tx:
        ((bare,),) = tx.rows.all("SELECT csrf FROM sessions")
    assert found[0] != found[1]
    assert bare not in (*found, found[0][:32], found[0][32:])
    for one, status in ((found[0][:-1] + ("1" if found[0][-1] == "0" else "0"), 403), (found[0], 303)):
        answer = serving.http.request(
            "POST",
            serving.url + "/logout",
            fields={"csrf": one},
            encode_multipart=False,
            headers=cookie,
            redirect=False,
        )
        assert answer.status == status


def test_a_masked_value_is_known_and_nothing_else() -> None:
    """Masked or bare it shows the session; text that is no value, or another one's, does not."""
    assert knows(masked("c0ffee", b"\x01\x80abcd"), "c0ffee")
    assert knows("c0ffee", "c0ffee")
    for other in ("", "c0ffef", masked("c0ffef", b"abcdef"), "ü", "zz", "00"):
        assert not knows(other, "c0ffee"), other


def _raw(server: Server, path: str, **headers: str) -> tuple[str | None, bytes, str]:
    answer = server.http.request("GET", server.url + path, headers=headers, preload_content=False)
    body = answer.read(decode_content=False)
    answer.release_conn()
    return answer.headers.get("content-encoding"), body, answer.headers["vary"]
