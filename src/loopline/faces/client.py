"""client: from which address a request comes, also where proxies stand between (`LOOPLINE_PROXIES`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

Address = IPv4Address | IPv6Address


def client_of(scope: Mapping[str, Any]) -> str:
    """Give the address that a request comes from: of the connection, or what proxies that the settings name say.

    Each proxy adds to the end of `X-Forwarded-For` whom it heard; what stands before comes from a client, who may write anything.
    So it is read from the end, for as long as a proxy of ours has said it.
    """
    peer = (scope.get("client") or ("", 0))[0]
    settings = getattr(getattr(scope.get("app"), "state", None), "settings", None)
    if settings is None or not settings.proxies:
        return str(peer)
    said = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for").decode("latin-1")
    return farthest(str(peer), said, settings.proxies)


def farthest(peer: str, said: str, proxies: Iterable[str]) -> str:
    """Give the first address, from the end of `said`, that is no proxy of ours; the last one where all are."""
    ours = _networks(tuple(proxies))
    here = _address(peer)
    for word in reversed(said.split(",")):
        if here is None or not any(here in network for network in ours if network.version == here.version):
            break
        heard = _address(word)
        if heard is None:
            break
        here = heard
    return peer if here is None else str(here)


def origin_of(address: str) -> str:
    """Give what counts as one place: an address, of IPv6 the network of 64 bits that a household has."""
    found = _address(address)
    return str(ip_network((found, 64), strict=False)) if isinstance(found, IPv6Address) else address


@lru_cache(maxsize=8)
def _networks(proxies: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(one, strict=False) for one in proxies)


def _address(text: str) -> Address | None:
    """Read `10.0.0.1`, `10.0.0.1:80`, `::1` or `[::1]:80`; None for anything else."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found
