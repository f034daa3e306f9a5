"""Labels over HTTP while the disk is full."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from loopline.signals.folder import folder_of
from loopline.signals.labelling import MANY
from tests.mounting import mounted
from tests.server.serving import Served
from tests.server.test_recording import fill
from tests.signals.recorded import entry, write
from tests.verbs.served import serve

if TYPE_CHECKING:
    import httpx

PIECES = (range(10, 410), range(500, 500 + MANY + 10))
"""Few labels, which go into a segment, and many, which are a part of their own."""


def tell(served: Served, numbers: range, key: str = "") -> httpx.Response:
    """Hand labels in."""
    rows = [{"id": f"{n:032x}:0", "label": n % 2} for n in numbers]
    headers = {"Idempotency-Key": key} if key else {}
    body: dict[str, Any] = {"ref": "service/delay@prod", "rows": rows}
    return served.ask("POST", "/api/v1/label", json=body, headers=headers)


def labelled(served: Served) -> set[int]:
    """Which predictions have a label."""
    answer = served.ask("GET", "/api/v1/predictions", params={"ref": "service/delay@prod", "limit": 10_000})
    assert answer.status_code == 200, answer.text
    return {int(one["id"][:32], 16) for one in answer.json()["result"] if one["label"] is not None}


def test_labels_on_a_full_disk_are_refused_whole_and_taken_later(tmp_path: Path) -> None:
    """507 with the next step, none of them kept, few or many; with room the same request is taken without a restart."""
    home = tmp_path / "small"
    with mounted(home, "-t", "tmpfs", "-o", "size=24m", "loopline-test"):
        served = Served(home, signals=home / "signals")
        try:
            serve(served.loop)
            write(folder_of(home / "signals", "flights", "delay", "prod"), [entry(n) for n in range(1_600)])
            assert tell(served, range(10)).json()["result"]["taken"] == 10
            ballast = fill(home)
            for numbers in PIECES:
                answer = tell(served, numbers, key="many" if len(numbers) > MANY else "")
                said = answer.json()
                assert (answer.status_code, said["kind"]) == (507, "disk-full"), said
                assert said["hint"]
            assert labelled(served) == set(range(10))
            ballast.unlink()
            for numbers in PIECES:
                answer = tell(served, numbers, key="many" if len(numbers) > MANY else "")
                assert answer.status_code == 200, answer.text
                told = answer.json()["result"]
                assert (told["taken"], told.get("repeated", 0)) == (len(numbers), 0)
            assert labelled(served) == {*range(410), *PIECES[1]}
        finally:
            served.close()


def test_a_label_that_only_the_ledger_has_no_room_for_is_there_once(tmp_path: Path) -> None:
    """Where the label fits and the reply does not, the same request again gives the answer, and the label counts once."""
    home = tmp_path / "small"
    with mounted(home, "-t", "tmpfs", "-o", "size=24m", "loopline-test"):
        served = Served(home, signals=home / "signals")
        try:
            serve(served.loop)
            write(folder_of(home / "signals", "flights", "delay", "prod"), [entry(n) for n in range(20)])
            assert tell(served, range(1)).status_code == 200
            ballast = fill(home)
            refused = [n for n in range(1, 20) if tell(served, range(n, n + 1), key=f"k{n}").status_code == 507]
            assert refused
            ballast.unlink()
            for n in refused:
                assert tell(served, range(n, n + 1), key=f"k{n}").json()["result"]["taken"] == 1
            assert labelled(served) == set(range(20))
        finally:
            served.close()
