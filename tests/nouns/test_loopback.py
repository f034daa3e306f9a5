from __future__ import annotations

import pytest

from loopline.nouns.loopback import is_here, is_loopback

HOSTS = [
    "127.0.0.1",
    "127.8.0.1",
    "::1",
    "localhost",
    "!0.0.0.0",
    "!::",
    "!10.0.0.1",
    "!example.org",
    "!127.example.org",
    "!",
]


@pytest.mark.parametrize("host", HOSTS)
def test_loopback_is_what_only_this_machine_reaches(host: str) -> None:
    """Names and addresses of loopback are told from all others, which are marked here."""
    name, mine = host.removeprefix("!"), not host.startswith("!")
    assert (is_loopback(name), is_here(name)) == (mine, mine)


def test_names_below_localhost_stay_here_and_are_no_address_of_loopback() -> None:
    """A browser sends them nowhere else; what a resolver makes of one where somebody wants to listen, nobody knows."""
    assert (is_here("flights.localhost"), is_loopback("flights.localhost")) == (True, False)
