"""From which address a request comes."""

from __future__ import annotations

import pytest

from loopline.faces.client import client_of, farthest, origin_of

OURS = ("127.0.0.1", "10.1.0.0/16", "fd00::/8")


@pytest.mark.parametrize(
    ("peer", "said", "found"),
    [
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.5", "203.0.113.5"),
        ("127.0.0.1", "6.6.6.6, 203.0.113.5", "203.0.113.5"),
        ("127.0.0.1", "6.6.6.6, 203.0.113.5, 10.1.2.3", "203.0.113.5"),
        ("192.0.2.1", "203.0.113.5", "192.0.2.1"),
        ("127.0.0.1", "10.1.0.9, 10.1.0.8", "10.1.0.9"),
        ("127.0.0.1", "203.0.113.5, unknown", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.5, unknown, 10.1.0.8", "10.1.0.8"),
        ("127.0.0.1", "203.0.113.5:4711", "203.0.113.5"),
        ("fd00::1", "[2001:db8::7]:80", "2001:db8::7"),
        ("::ffff:127.0.0.1", "::ffff:203.0.113.5", "203.0.113.5"),
        ("", "203.0.113.5", ""),
        ("127.0.0.1", ",,", "127.0.0.1"),
    ],
)
def test_the_last_address_that_no_proxy_of_ours_has_is_meant(peer: str, said: str, found: str) -> None:
    """Read from the end, for as long as a proxy of ours has said it: what a client writes in front makes no difference."""
    assert farthest(peer, said, OURS) == found


def test_nobody_is_believed_unless_the_settings_name_them() -> None:
    """Without settings it is the connection's address, whatever the header says."""
    assert client_of({"client": ("127.0.0.1", 1), "headers": [(b"x-forwarded-for", b"203.0.113.5")]}) == "127.0.0.1"


def test_a_network_of_a_household_is_one_place() -> None:
    """IPv6 gives each household 2**64 addresses: they count as one; an address of IPv4 counts for itself."""
    assert origin_of("2001:db8::7") == origin_of("2001:db8::ffff:1") != origin_of("2001:db8:0:1::7")
    assert origin_of("203.0.113.5") == "203.0.113.5"
    assert origin_of("") == ""
