"""An old generation restored: who left since stays off."""

from pathlib import Path

from ccsync.engine.remembering import remember
from ccsync.engine.session import Session
from ccsync.ports.ledger import Snapshot

from tests.applier.people import assert_converged, mail, one_export, person
from tests.support.world import World


def restore(world: World, serial: int) -> None:
    """As the command does."""
    folder = world.folder / "restored"
    folder.mkdir()

    def remembering(old: Snapshot, newer: tuple[Snapshot, ...]) -> Path | None:
        with Session(folder, threads=2) as session:
            return remember(session, old, newer, folder)

    world.state().restore(serial, remembering)


def test_who_left_after_the_restored_generation_stays_off(world: World) -> None:
    one_export(world, [person("ana")])
    world.sync()
    one_export(world, [person("ana"), person("bob")])
    world.sync()
    world.leave("VIP", "bob@example.com")
    one_export(world, [person("ana", first_name="Anna"), person("bob")])
    world.sync()
    restore(world, 1)
    world.sync()
    assert world.members("VIP") == mail("ana")


def test_who_left_unnoticed_after_the_restored_generation_stays_off(world: World) -> None:
    one_export(world, [person("ana")])
    world.sync()
    one_export(world, [person("ana"), person("bob"), person("cyd")])
    world.sync()
    world.leave("VIP", "bob@example.com")
    restore(world, 1)
    world.sync()
    assert world.members("VIP") == mail("ana", "cyd")
    assert_converged(world)
