"""Videos of those who agreed: brought by a client, known at the desk, refused once they took their consent back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edge.affect.sessions.settings import SessionSettings
from edge.core.errors import UnknownError
from edge.daemon.collecting import PersonsOfDesk
from tests.support.collecting import WEBM, Client, Room, client_of
from tests.support.sessions_room import SessionsRoom, opened_desk


@asynccontextmanager
async def _both(folder: Path, *, external: bool = True) -> AsyncIterator[tuple[Client, SessionsRoom]]:
    settings = SessionSettings(external_consent=external)
    async with (
        opened_desk(folder, settings=settings) as sessions,
        client_of(Room(folder / "state"), folder) as client,
    ):
        client.room.collector.persons = PersonsOfDesk(sessions.desk)
        yield client, sessions


async def test_who_is_brought_by_a_client_is_known_at_the_desk(tmp_path: Path) -> None:
    """So that the page shows them, and whoever runs the appliance can erase them."""
    async with _both(tmp_path) as (client, sessions):
        await client.begin("Ada Lovelace")
        await client.begin(None)
        (known,) = sessions.desk.participants()
        assert known.id.startswith("p-") and known.consent and known.consent.text_version == "external"
        await sessions.desk.erase(known.id)
        with pytest.raises(UnknownError):
            await sessions.desk.erase(known.id)


async def test_nothing_more_is_taken_of_one_who_took_the_consent_back(tmp_path: Path) -> None:
    """Chunk, metadata and session; others go on, and what was taken stays until it is erased."""
    async with _both(tmp_path) as (client, sessions):
        mine, other = await client.begin("P07"), await client.begin("P08")
        assert (await client.chunk(mine, "v", 0, 2, WEBM)).status_code == 200
        await sessions.desk.consent("P07", given=False, text_sha256="", witness="lead")
        refused = await client.chunk(mine, "v", 1, 2, b"x")
        assert refused.status_code == 403
        assert "took the consent back" in refused.json()["error"]
        assert (await client.metadata(mine, "v", prompt_id="joy")).status_code == 403
        again = await client.http.post("/api/session/create", json={"participant_id": "P07"})
        assert again.status_code == 403
        assert (await client.chunk(other, "v", 0, 2, WEBM)).status_code == 200
        assert (await client.session(mine))["uploads"][0]["received"] == 1


async def test_where_the_consent_of_clients_does_not_count(tmp_path: Path) -> None:
    """Only who agreed on the appliance's page may hand in, and nobody without a name."""
    async with _both(tmp_path, external=False) as (client, sessions):
        for body in ({"participant_id": "P07"}, {}):
            answer = await client.http.post("/api/session/create", json=body)
            assert answer.status_code == 403, answer.text
        await sessions.agree("P07")
        assert await client.begin("P07")


async def test_where_nobody_can_tell_who_agreed(tmp_path: Path) -> None:
    """A desk whose file cannot be opened takes nobody in; chunks of sessions that are there still come."""
    async with client_of(Room(tmp_path / "state"), tmp_path) as client:
        session = await client.begin("P07")
        client.room.collector.persons = PersonsOfDesk(None)
        assert (await client.http.post("/api/session/create", json={})).status_code == 507
        assert (await client.chunk(session, "v", 0, 2, WEBM)).status_code == 200
