"""Bodies in chunks, held against those that AWS has published."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.faces.s3.chunked import Decoder
from loopline.faces.s3.errors import Fault
from loopline.faces.s3.signing import Signed, signing_key

from .test_signing import SCOPE, SECRET

BODY = b"a" * 66560
SEED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
CHUNKS = (
    b"10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n" + b"a" * 65536
    + b"\r\n400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n" + b"a" * 1024
    + b"\r\n0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n"
)  # fmt: skip
TRAILER_SEED = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
WITH_TRAILER = (
    b"10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n" + b"a" * 65536
    + b"\r\n400;chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n" + b"a" * 1024
    + b"\r\n0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n"
    b"x-amz-checksum-crc32c:sOO8/Q==\r\n"
    b"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
)  # fmt: skip
CRC = "x-amz-checksum-crc32c"


def _signed(seed: str) -> Signed:
    return Signed(signing_key(SECRET, SCOPE), SCOPE, "20130524T000000Z", seed)


def _decoded(decoder: Decoder, data: bytes, size: int) -> bytes:
    found = b"".join(piece for at in range(0, len(data), size) for piece in decoder.feed(data[at : at + size]))
    decoder.finish()
    return found


@pytest.mark.parametrize("size", [7, 4096, 1 << 20])
def test_published_chunks_are_taken(size: int) -> None:
    """The chunks and the trailer of AWS's documentation are found to be right, however the body is cut on its way."""
    assert _decoded(Decoder(signed=_signed(SEED), must_sign=True), CHUNKS, size) == BODY
    decoder = Decoder(signed=_signed(TRAILER_SEED), must_sign=True, trailers=[CRC])
    assert _decoded(decoder, WITH_TRAILER, size) == BODY
    assert decoder.trailers[CRC] == "sOO8/Q=="


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"a\r\n400;", b"b\r\n400;"),
        (b"ad80", b"ad81"),
        (b"b6c6", b"b6c7"),
        (b";chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497", b""),
        (b"sOO8", b"sOO9"),
        (b"d81f", b"d81e"),
    ],
)
def test_one_changed_letter_is_seen(old: bytes, new: bytes) -> None:
    """A byte, a signature of a chunk, the last one, a missing one, a sum and the signature of the trailer are each looked at."""
    plain = old in CHUNKS
    data = (CHUNKS if plain else WITH_TRAILER).replace(old, new, 1)
    decoder = Decoder(signed=_signed(SEED if plain else TRAILER_SEED), must_sign=True, trailers=[] if plain else [CRC])
    with pytest.raises(Fault) as caught:
        _decoded(decoder, data, 1 << 20)
    assert caught.value.code in ("SignatureDoesNotMatch", "IncompleteBody")


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=5), st.integers(1, 30))
def test_unsigned_chunks_give_what_is_in_them(parts: list[bytes], size: int) -> None:
    """Chunks of any size are put together again, cut anywhere; without the last line the body is not whole."""
    data = (
        b"".join(f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in parts)
        + b"0\r\nx-amz-checksum-crc32:AAAAAA==\r\n"
    )
    decoder = Decoder(trailers=["x-amz-checksum-crc32"])
    assert _decoded(decoder, data + b"\r\n", size) == b"".join(parts)
    with pytest.raises(Fault):
        _decoded(Decoder(trailers=["x-amz-checksum-crc32"]), data, size)


@pytest.mark.parametrize(
    "data",
    [
        b"zz\r\n", b"3\r\nabcd\r\n", b"0\r\nx-amz-checksum-sha1:x\r\n\r\n", b"0\r\nnothing\r\n\r\n", b"0\r\n\r\n", b"1" * 2000,
        b"0\r\nx-amz-checksum-crc32:a\r\nx-amz-checksum-crc32:b\r\n\r\n", b"0\r\nx-amz-checksum-crc32:a\r\n\r\nmore", b"-1\r\n",
    ],
)  # fmt: skip
def test_broken_chunks_are_refused(data: bytes) -> None:
    """Sizes that are none, longer chunks, trailers that nobody promised, that are missing or said twice, and more behind."""
    with pytest.raises(Fault):
        _decoded(Decoder(trailers=["x-amz-checksum-crc32"]), data, 5)
