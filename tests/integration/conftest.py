"""What many integration tests stand on: sensor nodes with the real firmware, and either database of the cloud.

The firmware is built and PostgreSQL set up once; each test gets boards and a database of its own.
"""

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from cloud.store.database import Database
from tests.support.cloud import opened
from tests.support.node_talk import PowerUp
from tests.support.postgres import Postgres, running_postgres
from tests.support.simulated_node import Built, SimulatedNode, build, grove_mv, write_waveform


@pytest.fixture(scope="session")
def built_node(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The firmware and the program that runs it; fails where a compiler or the simulator is missing."""
    return build(tmp_path_factory.mktemp("sensor-node"))


@pytest.fixture
def power_up(built_node: Built, tmp_path: Path) -> PowerUp:
    """Powers up a board, by default with steady electrodes; the same `board` again keeps its EEPROM."""
    steady = write_waveform(tmp_path / "steady.csv", [(grove_mv(2.0), 2500.0)])

    def power_up(waveform: Path = steady, board: int = 1) -> SimulatedNode:
        return SimulatedNode(built_node, waveform=waveform, eeprom=tmp_path / f"eeprom-{board}", seed=board)

    return power_up


@pytest.fixture
def node(power_up: PowerUp) -> Iterator[SimulatedNode]:
    """A board that has said HELLO and sampled a while."""
    with power_up() as board:
        board.messages(0.1)
        yield board


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One that nobody stops."""
    with running_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """With this version's schema and nothing in it, of either kind."""
    url = f"sqlite:///{tmp_path / 'cloud.db'}"
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        url = server.migrated(f"db_{uuid.uuid4().hex[:12]}")
    async with opened(url) as found:
        yield found
