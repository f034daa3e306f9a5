from __future__ import annotations

import socket
from typing import Any

import pytest

from loopline.errors import Refused, Unavailable
from loopline.server.hosts import LOOPBACK, Hosts, hosts_of
from loopline.settings import ServerSettings


def hosts(*allowed: str, addresses: tuple[str, ...] = ("93.184.216.34",)) -> Hosts:
    """Hosts whose names all have these addresses."""

    def resolve(host: str, port: int, **kwargs: Any) -> list[Any]:
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    return Hosts(allowed, resolve)


@pytest.mark.parametrize(
    ("allowed", "host", "good"),
    [
        ("chat.example.org", "chat.example.org", True),
        ("chat.example.org", "CHAT.example.org.", True),
        ("chat.example.org", "other.example.org", False),
        ("*.example.org", "chat.example.org", True),
        ("*.example.org", "example.org.evil.net", False),
        ("*.example.org", "evilexample.org", False),
        ("chat.example.org:443", "chat.example.org", True),
        ("chat.example.org:8443", "chat.example.org", False),
        ("93.184.216.34", "93.184.216.34", True),
        ("93.184.216.35", "93.184.216.34", False),
        ("*", "93.184.216.34", True),
    ],
)
def test_names_are_matched_by_globs(allowed: str, host: str, *, good: bool) -> None:
    """Only what the list names is found, in any case of its letters, and nothing that merely contains it."""
    if good:
        assert hosts(allowed).find(host, 443) == ("93.184.216.34",)
    else:
        with pytest.raises(Refused):
            hosts(allowed).find(host, 443)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "::1", "::", "fc00::1", "fe80::1", "fe80::1%eth0", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::", "2002:a00:1::",
    ],
)  # fmt: skip
def test_a_name_does_not_lead_into_the_network_behind(address: str) -> None:
    """Whatever a name resolves to, in whatever spelling: an address that is not public must be allowed as a network."""
    with pytest.raises(Refused) as caught:
        hosts("*", addresses=(address,)).find("chat.example.org", 443)
    assert caught.value.kind == "host-not-allowed"
    with pytest.raises(Refused):
        hosts("*").find(address, 443)


def test_private_networks_by_name_and_by_number() -> None:
    """A network that is allowed is reached by its numbers, and by the names that are allowed, too."""
    inside = hosts("10.0.0.0/8", "*.corp", addresses=("10.1.2.3", "192.168.0.1"))
    assert inside.find("10.9.9.9", 80) == ("10.9.9.9",)
    assert inside.find("hooks.corp", 80) == ("10.1.2.3",)
    for host in ("192.168.0.1", "hooks.elsewhere"):
        with pytest.raises(Refused):
            inside.find(host, 80)


def test_loopback_is_named_like_anything_else() -> None:
    """Nothing is allowed unless it is said; what a server on loopback may reach is its own machine."""
    with pytest.raises(Refused):
        hosts().find("chat.example.org", 443)
    assert hosts(*LOOPBACK).find("127.0.0.1", 80) == ("127.0.0.1",)
    assert hosts(*LOOPBACK).find("[::1]", 80) == hosts("[::1]").find("::1", 80) == ("::1",)
    assert hosts(*LOOPBACK, addresses=("127.0.0.1",)).find("localhost", 80) == ("127.0.0.1",)
    with pytest.raises(Refused):
        hosts(*LOOPBACK).find("93.184.216.34", 80)


def test_a_name_without_an_address_may_have_one_later() -> None:
    """That is no refusal, but something to wait for."""
    with pytest.raises(Unavailable):
        hosts("*", addresses=()).find("chat.example.org", 443)


def test_the_default_depends_on_where_the_server_listens() -> None:
    """Only a server that nobody else reaches may call its own machine without being told so."""
    for host in ("127.0.0.1", "::1", "localhost"):
        assert hosts_of(ServerSettings(host=host)).allowed == LOOPBACK
    for host in ("0.0.0.0", "::", "10.0.0.7", "loop.example.org"):
        assert hosts_of(ServerSettings(host=host)).allowed == ()
    assert hosts_of(ServerSettings(webhook_hosts=("a",))).allowed == ("a",)
