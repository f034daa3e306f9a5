"""hosts: where this server may send requests to (LOOPLINE_WEBHOOK_HOSTS).

A name must match a glob, and what it resolves to must be a public address or lie in a network that is allowed explicitly. The
check and the connection are about the same address, so a name that resolves differently a moment later gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from loopline.errors import Refused, Unavailable
from loopline.settings.server import ServerSettings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
LOOPBACK = ("localhost", "127.0.0.0/8", "::1/128")
"""What a server that listens on loopback may reach when nothing is set."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True)
class Hosts:
    """An allow list: globs over names (perhaps with a port), addresses, and networks."""

    allowed: tuple[str, ...] = ()
    resolve: Callable[..., Any] = socket.getaddrinfo

    def find(self, host: str, port: int) -> tuple[str, ...]:
        """Give the addresses of a host that may be connected to.

        Raise Refused kind="host-not-allowed" where there is none, Unavailable kind="host-unknown" where nobody knows it.
        """
        literal = _literal(host)
        if literal is None and not self._named(host.lower().rstrip("."), port):
            raise _refused(host, f"{host} is not among the hosts that this server may call")
        if literal is not None:
            found: list[Address] = [literal]
        else:
            try:
                rows = self.resolve(host, port, type=socket.SOCK_STREAM)
                found = [ipaddress.ip_address(row[4][0].partition("%")[0]) for row in rows]
            except (OSError, UnicodeError):
                raise Unavailable(
                    f"{host} has no address",
                    kind="host-unknown",
                    hint="check the name, and the server's name service",
                    host=host,
                ) from None
        good = [
            address for address in dict.fromkeys(found) if self._reachable(address, port, literal=literal is not None)
        ]
        if not good:
            raise _refused(host, f"{host} is at an address that this server may not call")
        return tuple(str(address) for address in good)

    def _named(self, host: str, port: int) -> bool:
        return any(fnmatchcase(host, one) or fnmatchcase(f"{host}:{port}", one) for one in _lowered(self.allowed))

    def _reachable(self, address: Address, port: int, *, literal: bool) -> bool:
        inner = embedded(address)
        if inner is not None:  # the network in between may unpack it: both must be allowed
            return self._reachable(inner, port, literal=literal)
        if any(address in network for network in _networks(self.allowed)):
            return True
        return public(address) and (not literal or self._named(str(address), port))


def hosts_of(settings: ServerSettings) -> Hosts:
    """Give what the settings allow; where they say nothing, a server on loopback may call its own machine."""
    here = _literal(settings.host)
    loopback = settings.host == "localhost" or (here is not None and here.is_loopback)
    return Hosts(settings.webhook_hosts or (LOOPBACK if loopback else ()))


def public(address: Address) -> bool:
    """Tell whether an address is one of the internet, and of a single machine."""
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def embedded(address: Address) -> ipaddress.IPv4Address | None:
    """Give the IPv4 address that an IPv6 address stands for (mapped, 6to4, Teredo, NAT64), or None."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None


def _lowered(allowed: Iterable[str]) -> Iterable[str]:
    return (one.lower() for one in allowed if _network(one) is None)


def _networks(allowed: Iterable[str]) -> Iterable[Network]:
    return (network for one in allowed if (network := _network(one)) is not None)


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text.replace("[", "").replace("]", ""), strict=False)
    except ValueError:
        return None


def _refused(host: str, why: str) -> Refused:
    return Refused(
        why, kind="host-not-allowed", host=host,
        hint="ask for it in LOOPLINE_WEBHOOK_HOSTS (a glob over names; a network such as 10.0.0.0/8 for private addresses)",
    )  # fmt: skip
