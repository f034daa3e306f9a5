from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .conftest import World


def test_a_project_tells_how_it_is_run(guarded: World) -> None:
    """Policies in force with their version, teams, and the number of the newest event."""
    guarded.do("grant", "bob", "team/ml-leads")
    found = guarded.do("about")
    assert [one.name for one in found.policies] == ["champion"]
    assert (found.policy, found.events) == (1, guarded.events()[-1].seq)
    assert found.teams == {"team/ml-leads": ("person:bob",)}
    assert 'name = "champion"' in found.written


def test_another_project_has_rules_of_its_own(guarded: World) -> None:
    """Nothing of one project is told in another."""
    guarded.do("grant", "bob", "team/ml-leads")
    found = guarded.abroad().do("about")
    assert (found.policies, found.policy, found.teams, found.events, found.written) == ((), None, {}, 0, "")


def test_workers_are_told(world: World) -> None:
    """A worker that says that it is there is on the list."""
    with world.loop.ledger.telemetry() as tx:
        tx.tasks.present("w1", "default", started_at=1, version="1")
    (worker,) = world.do("about").workers
    assert (worker.name, worker.queue) == ("w1", "default")
