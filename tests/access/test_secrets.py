"""What a token looks like."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.access.secrets import USER_CODE, hash_of, id_of, signing_secret, user_code, written


@given(st.binary(min_size=40, max_size=40))
def test_a_token_says_its_id_and_nothing_else(chance: bytes) -> None:
    """The id can be read off the text; the hash names all of it."""
    name, text = written(chance)
    assert id_of(text) == name
    assert re.fullmatch(r"ll_[a-z2-7]{12}_[0-9A-Za-z]{43}", text)
    assert re.fullmatch(r"[0-9a-f]{64}", hash_of(text))


def test_two_tokens_differ_in_every_byte_of_chance() -> None:
    """No random byte is thrown away."""
    texts = {written(bytes(n) + b"\1" + bytes(39 - n))[1] for n in range(40)}
    assert len(texts) == 40


def test_too_little_chance_is_refused() -> None:
    """A token is never made of fewer random bytes than it has."""
    with pytest.raises(ValueError, match="40"):
        written(b"short")


@pytest.mark.parametrize(
    "text", ["", "ll_", "ll_abc_def", "xx_aaaaaaaaaaaa_" + "a" * 43, "ll_aaaaaaaaaaaa_" + "a" * 43 + "\n"]
)
def test_what_is_no_token_has_no_id(text: str) -> None:
    """A text of another form is not looked up at all."""
    assert id_of(text) == ""


def test_a_code_for_people_is_short_and_has_no_vowels() -> None:
    """It can be read aloud and is no word."""
    code = user_code(b"\xff\x01\x02\x03\x04\x05\x06\x07")
    assert re.fullmatch(f"[{USER_CODE}]{{4}}-[{USER_CODE}]{{4}}", code)


def test_a_secret_to_sign_with_follows_from_key_and_token() -> None:
    """It is the same each time, another for another token or key, and says nothing of either."""
    made = {signing_secret(key, token) for key in (b"k" * 32, b"l" * 32) for token in ("a" * 12, "b" * 12)}
    assert len(made) == 4
    assert all(re.fullmatch(r"[0-9A-Za-z]{43}", one) for one in made)
    assert signing_secret(b"k" * 32, "a" * 12) in made
