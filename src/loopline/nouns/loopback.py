"""loopback: whether an address is this machine's own."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address


@lru_cache(maxsize=1024)
def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach an address, whatever a resolver says."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_here(host: str) -> bool:
    """Tell whether what is sent to a name stays on this machine, as browsers see it: `*.localhost` does, too (RFC 6761 §6.3)."""
    return host.endswith(".localhost") or is_loopback(host)
