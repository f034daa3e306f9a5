"""listening: the socket that all processes of a server share."""

from __future__ import annotations

import errno
import socket

from loopline.errors import Invalid, Unavailable

BACKLOG = 2_048


def listen(host: str, port: int) -> socket.socket:
    """Listen on an address. Port 0 is any that is free.

    The socket says that it is TCP (`IPPROTO_TCP`): asyncio sets TCP_NODELAY only on connections of which it knows that, and
    without, every request on a kept connection waits 40 ms for an acknowledgement. It is set here as well, and inherited.
    Raise Unavailable kind="port-taken" or "port-not-permitted", Invalid kind="bad-host".
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (socket.gaierror, UnicodeError) as error:
        raise Invalid(
            f"{host!r} is no address of this machine", kind="bad-host", hint="--host 127.0.0.1", host=host
        ) from error
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if family == socket.AF_INET6 and host == "::":
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        made.bind(address)
        made.listen(BACKLOG)
        made.setblocking(False)  # noqa: FBT003 (its signature)
    except OSError as error:
        made.close()
        raise _refusal(error, host, port) from error
    return made


def address_of(made: socket.socket) -> tuple[str, int]:
    """Give host and port that a socket listens on."""
    host, port = made.getsockname()[:2]
    return str(host), int(port)


def url_of(made: socket.socket) -> str:
    """Give the address as a browser takes it; a socket on every address is named by this machine."""
    host, port = address_of(made)
    if host in ("0.0.0.0", "::"):  # noqa: S104 (compared, not bound)
        host = socket.gethostname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _refusal(error: OSError, host: str, port: int) -> Unavailable | Invalid:
    match error.errno:
        case errno.EADDRINUSE:
            who = taker_of(port)
            other = port + 1 if port < 65535 else 4040
            return Unavailable(
                f"port {port} is taken" + (f" by {who}" if who else ""), kind="port-taken",
                hint=f"loopline up --port {other}, or stop what listens there", host=host, port=port, taker=who,
            )  # fmt: skip
        case errno.EACCES | errno.EPERM:
            return Unavailable(
                f"port {port} is not for everybody",
                kind="port-not-permitted",
                hint="use a port from 1024: --port 4040",
                port=port,
            )
        case _:
            return Invalid(f"{host} is no address of this machine", kind="bad-host", hint="--host 127.0.0.1", host=host)


def taker_of(port: int) -> str:
    """Say which process listens on a port: `python3 (4711)`; empty where the system does not tell us."""
    from pathlib import Path

    inodes = set()
    for table in ("tcp", "tcp6"):
        try:
            lines = Path(f"/proc/net/{table}").read_text("ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            words = line.split()
            if words[3] == "0A" and int(words[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{words[9]}]")
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(one.readlink()) in inodes for one in (folder / "fd").iterdir()):
                return f"{(folder / 'comm').read_text().strip()} ({folder.name})"
        except OSError:
            continue
    return ""
