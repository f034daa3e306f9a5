"""How often somebody may try to get in."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopline.access.secrets import hash_of
from loopline.errors import Refused
from loopline.faces.login.throttle import MOST, WINDOW_S, Throttle
from loopline.settings.server import ServerSettings
from tests.server.serving import Served


class Watch:
    """A clock that a test moves."""

    at = 0.0

    def now(self) -> float:
        return self.at


def test_an_address_that_tries_too_often_waits_and_others_do_not() -> None:
    """It is told for how long, and is let try again then; to look whether it may counts for nothing."""
    watch = Watch()
    throttle = Throttle(most=3, clock=watch.now)
    for _ in range(3):
        throttle.look("10.0.0.1")
        throttle.count("10.0.0.1")
    watch.at = 20.0
    for ask in (throttle.count, throttle.look):
        with pytest.raises(Refused) as caught:
            ask("10.0.0.1")
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


def test_a_network_of_addresses_resets_no_count_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """More addresses than are kept empty the counts of each; that of all stands, and what was refused adds to none."""
    monkeypatch.setattr("loopline.faces.login.throttle._MANY", 4)
    throttle = Throttle(most=2, of_all=8)
    for number in range(8):
        throttle.count(f"10.0.0.{number}")
    for number in range(8, 16):
        with pytest.raises(Refused):
            throttle.count(f"10.0.0.{number}")
    watch = Watch()
    throttle = Throttle(most=1, of_all=3, clock=watch.now)
    throttle.count("10.0.0.1")
    for _ in range(9):
        with pytest.raises(Refused):
            throttle.count("10.0.0.1")
    throttle.count("10.0.0.2")


def test_devices_are_throttled(served: Served) -> None:
    """Beyond some beginnings a minute an address gets 429 and a time to wait; a signed-in API goes on, and so do others."""
    token = served.token("ann", "admin", everywhere=True).secret
    codes = {served.ask("POST", "/api/v1/login/device", client="10.0.0.9").status_code for _ in range(40)}
    assert codes == {200, 429}
    answer = served.ask("POST", "/api/v1/login/device", client="10.0.0.9")
    assert 0 < int(answer.headers["retry-after"]) <= WINDOW_S
    assert served.ask("GET", "/api/v1/whoami", token=token, client="10.0.0.9").status_code == 200
    assert served.ask("POST", "/api/v1/login/device", client="10.0.0.8").status_code == 200


def test_bad_logins_shut_nobody_with_a_good_token_out(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """From one address, as all have behind a proxy without a name, wrong tokens end in 429; a right one and a device do not."""
    monkeypatch.setattr("loopline.faces.login.routes.SLOWLY_S", 0)
    token = served.token("ann", "admin", everywhere=True).secret
    codes = [served.ask("POST", "/login", data={"token": f"wrong {number}"}).status_code for number in range(40)]
    assert codes == [401] * MOST["token"] + [429] * (40 - MOST["token"])
    assert served.ask("POST", "/login", data={"token": token}).status_code == 303
    assert served.ask("POST", "/api/v1/login/device").status_code == 200


def test_behind_a_proxy_each_has_an_own_count(tmp_path: Path) -> None:
    """What a proxy of the settings says is believed, and what its client wrote in front of that is not."""
    served = Served(tmp_path, ServerSettings(proxies=("127.0.0.1", "10.1.0.0/16")))
    served.token("ann", "admin", everywhere=True)

    def begins(said: str, client: str = "127.0.0.1") -> int:
        return served.ask("POST", "/api/v1/login/device", headers={"X-Forwarded-For": said}, client=client).status_code

    codes = {begins(f"198.51.100.{number}, 203.0.113.5, 10.1.2.3") for number in range(40)}
    assert codes == {200, 429}
    assert begins("203.0.113.5") == 429
    assert begins("203.0.113.6") == 200
    assert {begins(f"203.0.113.{number}", client="192.0.2.1") for number in range(40)} == {200, 429}
    served.close()


def test_codes_that_people_type_are_bounded_by_person(served: Served) -> None:
    """Wrong codes, looked at or answered, end in 429 also for a right one, for who typed them, and for nobody else."""
    begun = served.ask("POST", "/api/v1/login/device").json()["user_code"]
    ann, bob = (served.token(who, "admin", everywhere=True).secret for who in ("ann", "bob"))

    def typed(token: str, code: str) -> tuple[int, int]:
        seen = served.ask("GET", f"/device?code={code}", token=token)
        return seen.status_code, served.ask(
            "POST", "/device", token=token, data={"code": code, "answer": "no"}
        ).status_code

    for _ in range(MOST["code"] // 2):
        assert typed(ann, "BCDF-GHJK") == (200, 404)
    assert typed(ann, "BCDF-GHJK") == (429, 429)
    assert typed(ann, begun) == (429, 429)
    assert typed(bob, begun) == (200, 200)


def test_a_stranger_that_polls_writes_nothing(served: Served) -> None:
    """Unknown devices and hasty ones are answered without a transaction that writes; a device in time has its question kept."""
    begun = served.ask("POST", "/api/v1/login/device").json()["device_code"]
    ledger = served.loop.ledger

    def polls(code: str) -> str:
        body = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": code}
        found: str = served.ask("POST", "/api/v1/login/token", data=body).json()["error"]
        return found

    assert polls(begun) == "authorization_pending"
    with ledger.telemetry():  # nobody else writes meanwhile: who wanted to would wait, and be refused in the end
        assert polls("never") == "expired_token"
        assert polls(begun) == "slow_down"
    with ledger.read() as tx:
        before = tx.rows.one("SELECT asked_at FROM devices WHERE hash = ?", hash_of(begun))
    served.loop.clock.advance(seconds=6)  # type: ignore[attr-defined]
    assert polls(begun) == "authorization_pending"
    with ledger.read() as tx:
        assert tx.rows.one("SELECT asked_at FROM devices WHERE hash = ?", hash_of(begun)) != before
