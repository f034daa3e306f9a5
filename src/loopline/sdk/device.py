"""device: a login on a machine without a browser (RFC 8628): a code is shown here and confirmed in a browser anywhere."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from loopline.errors import Refused, Unavailable
from loopline.sdk.wire import Answer, Wire

BEGIN: Final = "/api/v1/login/device"
TOKEN: Final = "/api/v1/login/token"  # noqa: S105 (an address)
GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
_SLOWER_S: Final = 5.0
"""What `slow_down` adds to the pause (RFC 8628, 3.5)."""
_MOST_S: Final = 3600.0
_TOKEN: Final = re.compile(r"[!-~]{1,500}\Z")


@dataclass(frozen=True, slots=True)
class Waiting:
    """A login that somebody has to confirm."""

    user_code: str
    """What people type: `BCDF-GHJK`."""
    page: str
    """Where they type it."""
    direct: str
    """The same page with the code filled in."""
    pause: float
    """Seconds between two questions."""
    lasting: float
    """Seconds until nobody can confirm it any more."""
    secret: str = field(repr=False)


def begin(wire: Wire, client: str) -> Waiting:
    """Ask for a code. `client` is what the page shows of this machine.

    Raise what the server says no with, Unavailable kind="server-unreachable" or "not-a-loopline".
    """
    answer = wire.again(lambda: _post(wire, BEGIN, client_id="loopline", client=client))
    said = answer.json
    if not isinstance(said, Mapping):
        raise wire.stranger(answer)
    try:
        page = _shown(said["verification_uri"])
        waiting = Waiting(
            user_code=_shown(said["user_code"]),
            page=page,
            direct=_shown(said.get("verification_uri_complete") or page),
            pause=min(max(float(said.get("interval", _SLOWER_S)), 1.0), 60.0),
            lasting=min(float(said["expires_in"]), _MOST_S),
            secret=str(said["device_code"]),
        )
    except (KeyError, TypeError, ValueError):
        raise wire.stranger(answer) from None
    if not all(urlsplit(one).scheme in ("http", "https") for one in (waiting.page, waiting.direct)):
        raise wire.stranger(answer)
    return waiting


def wait(
    wire: Wire,
    waiting: Waiting,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> str:
    """Ask until somebody has answered, and give the token. A server that is away for a moment is asked again.

    Raise Refused kind="login-denied" or "login-expired".
    """
    from urllib3.exceptions import HTTPError

    pause, until = waiting.pause, clock() + waiting.lasting
    lost: Unavailable | None = None
    while clock() + pause <= until:
        sleep(pause)
        try:
            answer = _post(wire, TOKEN, grant_type=GRANT, device_code=waiting.secret, client_id="loopline")
        except HTTPError as error:
            lost, pause = wire.unreachable(error), min(pause * 2, 60.0)
            continue
        lost, said = None, answer.json
        token = said.get("access_token") if isinstance(said, Mapping) else None
        if answer.status == 200 and isinstance(token, str) and _TOKEN.match(token):
            return token
        match said.get("error") if isinstance(said, Mapping) else None:
            case "authorization_pending":
                pause = max(pause, waiting.pause)
            case "slow_down":
                pause += _SLOWER_S
            case "access_denied":
                raise Refused(
                    "somebody said no to this login",
                    kind="login-denied",
                    hint="begin anew: loopline login",
                    url=wire.url,
                )
            case "expired_token":
                break
            case _ if answer.status in (429, 502, 503, 504):
                pause = min(pause * 2, 60.0)
            case _:
                raise wire.problem_of(answer)
    if lost is not None:
        raise lost
    raise Refused(
        "nobody has confirmed the code in time", kind="login-expired", hint="begin anew: loopline login", url=wire.url
    )


def _post(wire: Wire, path: str, **form: str) -> Answer:
    with wire.open("POST", wire.target(path), body=urlencode(form).encode(), headers=_FORM) as response:
        return Answer(
            response.status, {name.lower(): value for name, value in response.headers.items()}, response.read(1 << 16)
        )


def _shown(value: Any) -> str:
    """Take a text that goes to a terminal. Raise ValueError for one that would do something there."""
    if not isinstance(value, str) or not value or not value.isprintable() or len(value) > 2000:
        raise ValueError(value)
    return value
