"""What is sealed is opened by the same key, for the same thing, and by nothing else."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.access.sealing import seal, unseal
from loopline.errors import Unavailable

KEY, NONCE = b"k" * 32, b"n" * 16


@given(text=st.text(max_size=200), key=st.binary(min_size=1, max_size=64), nonce=st.binary(min_size=16, max_size=16))
def test_what_was_sealed_comes_out_again(text: str, key: bytes, nonce: bytes) -> None:
    """Of any length, and never readable in between."""
    sealed = seal(key, nonce, "hook", text)
    assert unseal(key, "hook", sealed) == text
    if len(text.encode()) > 4:
        assert text.encode() not in urlsafe_b64decode(sealed)


def test_another_key_another_thing_and_any_changed_byte_open_nothing() -> None:
    """Whoever can write rows cannot put one secret in the place of another."""
    sealed = seal(KEY, NONCE, "hook", "secret")
    raw = urlsafe_b64decode(sealed)
    flipped = [urlsafe_b64encode(raw[:n] + bytes([raw[n] ^ 1]) + raw[n + 1 :]).decode() for n in range(len(raw))]
    cases = [(b"x" * 32, "hook", sealed), (KEY, "other", sealed), *((KEY, "hook", one) for one in flipped)]
    for key, about, text in cases:
        with pytest.raises(Unavailable) as caught:
            unseal(key, about, text)
        assert caught.value.kind == "no-signing-secret"


def test_the_same_secret_looks_different_each_time() -> None:
    """By the nonce: equal rows would tell that secrets are equal."""
    assert seal(KEY, NONCE, "hook", "secret") != seal(KEY, b"m" * 16, "hook", "secret")
