"""How often an address may try to get in."""

from __future__ import annotations

import pytest

from loopline.errors import Refused
from loopline.faces.login.throttle import WINDOW_S, Throttle
from tests.server.serving import Served


class Watch:
    """A clock that a test moves."""

    at = 0.0

    def now(self) -> float:
        return self.at


def test_an_address_that_tries_too_often_waits_and_others_do_not() -> None:
    """It is told for how long, and is let try again then."""
    watch = Watch()
    throttle = Throttle(most=3, clock=watch.now)
    for _ in range(3):
        throttle.count("10.0.0.1")
    watch.at = 20.0
    with pytest.raises(Refused) as caught:
        throttle.count("10.0.0.1")
    assert (caught.value.kind, caught.value.facts["wait"]) == ("too-many-requests", 40)
    throttle.count("10.0.0.2")
    watch.at = WINDOW_S
    throttle.count("10.0.0.1")


def test_many_addresses_are_bounded_together() -> None:
    """Whoever has a network of them makes no more work than that, and fills no memory."""
    throttle = Throttle(most=3, of_all=10)
    for number in range(10):
        throttle.count(f"10.0.0.{number}")
    with pytest.raises(Refused):
        throttle.count("10.0.0.99")


def test_the_login_and_devices_are_throttled(served: Served) -> None:
    """Beyond some tries a minute an address gets 429 and a time to wait, on the page and by the API; a signed-in API goes on."""
    token = served.token("ann", "admin", everywhere=True).secret
    codes = {served.ask("POST", "/api/v1/login/device", client="10.0.0.9").status_code for _ in range(40)}
    assert codes == {200, 429}
    for path in ("/login", "/api/v1/login/device"):
        answer = served.ask("POST", path, client="10.0.0.9")
        assert answer.status_code == 429
        assert 0 < int(answer.headers["retry-after"]) <= WINDOW_S
    assert served.ask("GET", "/api/v1/whoami", token=token, client="10.0.0.9").status_code == 200
    assert served.ask("POST", "/api/v1/login/device", client="10.0.0.8").status_code == 200
