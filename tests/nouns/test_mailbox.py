from __future__ import annotations

from email.headerregistry import Address

import pytest

from loopline.nouns.mailbox import MAILBOX


@pytest.mark.parametrize(
    "address", ["a@b", "ops+ml@example.org", "a.b.c@x-y.example.org", "!#$%&'*+/=?^_`{|}~-@1.example", "a" * 64 + "@b"]
)
def test_what_is_taken_can_be_written(address: str) -> None:
    """Each stands in a header as it is."""
    assert MAILBOX.match(address)
    assert Address(addr_spec=address).addr_spec == address


@pytest.mark.parametrize(
    "address",
    [
        "a@b..c", "a..b@c", ".a@b", "a.@b", "a@.b", "a@b.", "a@-b", "a@b-.c", "a@b@c", "a b@c", "a@b\n", "@b", "a@", "ä@b",
        "a" * 65 + "@b", "a@" + "b" * 64, "a@" + "b." * 130 + "c",
    ],
)  # fmt: skip
def test_what_no_header_can_hold_is_refused(address: str) -> None:
    """Dots beside each other or at an end, and what is too long."""
    assert not MAILBOX.match(address)
