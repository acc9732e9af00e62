"""Accounts of the cloud in real databases: who there is, in which role, and what a change of it ends."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, func, insert, select, text

from cloud.store import passwords, tables
from cloud.store.accounts import Accounts
from cloud.store.audit import Audit, Deed
from cloud.store.database import Database
from cloud.store.errors import AccountRefusedError, AlreadyExistsError, UnknownAccountError
from cloud.store.migrate import migrate
from cloud.store.queries import Queries, Slice
from cloud.store.roles import ROLES, Role
from cloud.store.sign_ins import Caller, SignIns
from cloud.store.ties import Tie
from tests.support.cloud import opened
from tests.support.postgres import Postgres, running_postgres

FIRST, SECOND = "first password", "second password"
_names = itertools.count()


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_N", 2)
    monkeypatch.setattr("cloud.store.sign_ins._NOBODY", passwords.hash_password("nobody's"))


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new database, without a schema."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'cloud.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.create(f"accounts_{next(_names)}")


@pytest.fixture(scope="module")
def emptied(postgres: Postgres) -> str:
    """One that its tests share."""
    return postgres.migrated("emptied")


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    is_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'cloud.db'}" if is_sqlite else request.getfixturevalue("emptied")
    async with opened(url) as found:
        async with found.write() as link:
            for name in ("users", "tokens", "audit"):
                await link.execute(tables.metadata.tables[name].delete())
        yield found


async def _add(database: Database, name: str, role: Role | None = None) -> Role:
    return await Accounts(database).add(name, FIRST, _deed("add", name), role=role, now_ms=1)


async def _roles(database: Database) -> dict[str, Role]:
    return {one.name: one.role for one in await Accounts(database).all(1)}


async def _session(database: Database, name: str, password: str = FIRST, *, now_ms: int = 1) -> str:
    made = await SignIns(database).sign_in(name, password, label="", now_ms=now_ms, expires_ms=now_ms + 1000)
    assert made
    return made.token


def _deed(action: str, name: str) -> Deed:
    return Deed("test", f"account.{action}", name)


async def _count(database: Database, name: str) -> int:
    async with database.read() as link:
        return int((await link.execute(select(func.count()).select_from(tables.metadata.tables[name]))).scalar_one())


async def test_whoever_had_an_account_before_there_were_roles_may_do_what_they_did(url: str) -> None:
    """Revision 0008."""
    database = Database(url)
    try:
        await migrate(database, "0007")
        async with database.write() as link:
            row = {"name": "ada", "password": "scrypt$", "created_ms": 1}
            await link.execute(text("INSERT INTO users VALUES (:name, :password, :created_ms)"), row)
        await migrate(database)
        assert await _roles(database) == {"ada": "admin"}
        async with database.write() as link:  # as an older program beside would
            words = "INSERT INTO users (name, password, created_ms) VALUES ('bob', '', 1)"
            await link.execute(text(words))
        assert (await _roles(database))["bob"] == "member"
    finally:
        await database.close()


async def test_nothing_that_is_there_is_lost_or_given_to_anybody_by_the_update(url: str) -> None:
    """Revisions 0008 and 0009: a row of each table stays as it was, and nobody is tied to whom a name matched."""
    database = Database(url)
    try:
        await migrate(database, "0007")
        async with database.write() as link:
            before = await link.run_sync(_a_row_in_each_table)
        await migrate(database)
        async with database.read() as link:
            for name, row in before.items():
                columns = ", ".join(f'"{column}"' for column in row)
                kept = (await link.execute(text(f'SELECT {columns} FROM "{name}"'))).mappings().one()  # noqa: S608 - ours
                assert dict(kept) == row, name
        assert {"users", "tokens", "predictions", "recordings", "files", "personal", "audit"} <= before.keys()
        assert await _count(database, "ties") == 0
        for name in ("predictions", "recordings", "files"):
            assert len((await Queries(database).page(name, Slice())).items) == 1
            assert not (await Queries(database).page(name, Slice(person="ada"))).items
    finally:
        await database.close()


def _a_row_in_each_table(connection: Any) -> dict[str, dict[str, Any]]:
    """Everything is called `ada`, and is number 7."""
    held = MetaData()
    held.reflect(connection)
    values: dict[type, Any] = {str: "ada", int: 7, float: 7.0, bytes: b"7"}
    found = {}
    for table in held.sorted_tables:
        if table.name != "alembic_version":
            found[table.name] = {one.name: values[one.type.python_type] for one in table.columns}
            connection.execute(insert(table), found[table.name])
    return found


async def test_an_account_that_goes_while_it_is_tied_leaves_nothing_to_the_next_of_its_name(url: str) -> None:
    """Also where a program that knew of no ties took it away."""
    async with opened(url) as database:
        accounts, tie = Accounts(database), Tie("gate", "p7")
        await _add(database, "root", "admin")
        await _add(database, "bob", "member")
        async with database.write() as link:
            await link.execute(text("DELETE FROM users WHERE name = 'bob'"))
            made = asyncio.create_task(accounts.ties.tie("bob", tie, _deed("tie", "bob"), now_ms=2))
            await asyncio.wait({made}, timeout=0.3)
        with pytest.raises(UnknownAccountError):
            await made
        await _add(database, "bob", "member")
        await accounts.ties.tie("bob", tie, _deed("tie", "bob"), now_ms=3)
        async with database.write() as link:
            await link.execute(text("DELETE FROM users WHERE name = 'bob'"))
        await _add(database, "bob", "member")
        assert await accounts.ties.of("bob") == []


async def test_what_names_nobody_is_refused_and_ends_no_program(tmp_path: Path) -> None:
    """The command line takes any bytes: what is no UTF-8 comes as halves of characters."""
    async with opened(f"sqlite:///{tmp_path / 'cloud.db'}") as database:
        await _add(database, "root", "admin")
        held = Accounts(database).ties
        for tie in (Tie("gate", "\udcff"), Tie("gate", ""), Tie("gate", "a\x1b[31m"), Tie("../gate", "p7")):
            for change in (held.tie, held.untie):
                with pytest.raises(AccountRefusedError):
                    await change("root", tie, _deed("tie", "root"), now_ms=1)


async def test_the_first_account_is_an_admin_s_and_later_ones_are_viewers(database: Database) -> None:
    with pytest.raises(AccountRefusedError, match="first"):
        await _add(database, "ada", "viewer")
    assert await _add(database, "ada") == "admin"
    assert await _add(database, "bob") == "viewer"
    for role in ROLES:
        assert await _add(database, f"of-{role}", role) == role
    with pytest.raises(AlreadyExistsError):
        await _add(database, "ada")
    found = await Accounts(database).all(1)
    assert [(one.name, one.role) for one in found[:2]] == [("ada", "admin"), ("bob", "viewer")]


@pytest.mark.parametrize("name", ["", "cli:root", "device:gate", "a/b", " ada", "ada\0", "ada\n", "x" * 65, "ädä"])
async def test_no_name_is_taken_for_another_in_the_audit(tmp_path: Path, name: str) -> None:
    async with opened(f"sqlite:///{tmp_path / 'cloud.db'}") as database:
        with pytest.raises(AccountRefusedError, match="letters"):
            await _add(database, name)


async def test_people_come_in_by_password_and_programs_by_token(database: Database) -> None:
    accounts, sign_ins = Accounts(database), SignIns(database)
    kept: list[str] = []
    assert await accounts.first_user(1, kept.append)
    assert not await accounts.first_user(2, kept.append)
    (password,) = kept
    assert await sign_ins.check_password("admin", password)
    for name, wrong in (("admin", password + "x"), ("nobody", password), ("admin\0", password)):
        assert not await sign_ins.check_password(name, wrong)
        assert await sign_ins.sign_in(name, wrong, label="", now_ms=1, expires_ms=2) is None
    made = await sign_ins.sign_in("admin", password, label="test", now_ms=100, expires_ms=200)
    assert made and made.role == "admin"
    assert await sign_ins.caller(made.token, 150) == Caller("admin", "session", "admin")
    assert await sign_ins.caller(made.token, 201) is None
    bearer = await sign_ins.issue("admin", "bearer", label="test", now_ms=300, expires_ms=None)
    assert await _count(database, "tokens") == 1, "what has expired is forgotten"
    (program,) = await sign_ins.programs()
    assert program.user == "admin" and program.id not in bearer
    assert await sign_ins.end_program("0" * 16, _deed("end", "x"), now_ms=301) is None
    assert await sign_ins.end_program(program.id, _deed("end", "x"), now_ms=301) == "admin"
    assert await sign_ins.caller(bearer, 301) is None
    async with database.read() as link:
        kept = [str(row) for table in (tables.users, tables.tokens) for row in await link.execute(select(table))]
    assert not any(password in row or made.token in row for row in kept), "nothing that opens a door is in clear"


async def test_a_new_password_ends_what_the_old_one_opened(database: Database) -> None:
    await _add(database, "ada")
    sign_ins, accounts = SignIns(database), Accounts(database)
    token, other = await _session(database, "ada"), await _session(database, "ada")
    bearer = await sign_ins.issue("ada", "bearer", label="", now_ms=1, expires_ms=None)
    kept = passwords.token_digest(token)
    await accounts.set_password("ada", SECOND, _deed("password", "ada"), now_ms=2, but_digest=kept)
    assert [await sign_ins.caller(one, 3) is None for one in (token, other, bearer)] == [False, True, True]
    await accounts.set_password("ada", FIRST, _deed("password", "ada"), now_ms=3)
    assert await sign_ins.caller(token, 4) is None
    assert not await sign_ins.check_password("ada", SECOND)
    assert await _roles(database) == {"ada": "admin"}, "which stay"


async def test_a_password_that_is_replaced_while_it_is_checked_opens_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _add(database, "ada")
    sign_ins, accounts = SignIns(database), Accounts(database)
    find = sign_ins._matching

    async def slow(name: str, password: str) -> str | None:
        found = await find(name, password)
        await accounts.set_password("ada", SECOND, _deed("password", "ada"), now_ms=2)
        return found

    monkeypatch.setattr(sign_ins, "_matching", slow)
    assert await sign_ins.sign_in("ada", FIRST, label="", now_ms=1, expires_ms=100) is None
    assert await _count(database, "tokens") == 0


async def test_another_role_holds_at_once_and_a_removed_account_is_gone_with_all_it_held(database: Database) -> None:
    await _add(database, "ada")
    await _add(database, "bob", "operator")
    sign_ins, accounts = SignIns(database), Accounts(database)
    token = await _session(database, "bob")
    await accounts.set_role("bob", "member", _deed("role", "bob"), now_ms=2)
    assert await sign_ins.caller(token, 3) == Caller("bob", "session", "member")
    assert (await accounts.all(3))[1].sign_ins == 1
    await accounts.remove("bob", _deed("remove", "bob"), now_ms=4)
    assert await sign_ins.caller(token, 5) is None
    assert await _count(database, "tokens") == 0
    for act in (
        accounts.remove("bob", _deed("remove", "bob"), now_ms=5),
        accounts.set_role("bob", "admin", _deed("role", "bob"), now_ms=5),
        accounts.set_password("bob\0", SECOND, _deed("password", "bob"), now_ms=5),
        sign_ins.issue("bob", "bearer", label="", now_ms=5, expires_ms=None),
    ):
        with pytest.raises(UnknownAccountError):
            await act
    entries = [(one["action"], one["target"], one["detail"]) for one in await Audit(database).page(limit=3)]
    assert entries == [
        ("account.remove", "bob", ""),
        ("account.role", "bob", "operator to member"),
        ("account.add", "bob", "operator"),
    ], "and nothing of what was refused"


async def test_two_admins_who_take_each_other_s_role_leave_one(database: Database) -> None:
    await _add(database, "ada")
    await _add(database, "bob", "admin")
    accounts = Accounts(database)
    acts = [accounts.set_role(name, "viewer", _deed("role", name), now_ms=2) for name in ("ada", "bob")]
    came = await asyncio.gather(*acts, return_exceptions=True)
    assert sorted(type(one).__name__ for one in came) == ["AccountRefusedError", "NoneType"]
    (admin,) = [one.name for one in await accounts.all(3) if one.role == "admin"]
    with pytest.raises(AccountRefusedError, match="last admin"):
        await accounts.remove(admin, _deed("remove", admin), now_ms=3)
    await accounts.set_role(admin, "admin", _deed("role", admin), now_ms=3)


async def test_two_who_make_the_first_account_at_once_make_one_first(database: Database) -> None:
    assert sorted(await asyncio.gather(_add(database, "ada"), _add(database, "bob"))) == ["admin", "viewer"]


async def test_two_processes_that_start_first_keep_the_one_password_that_opens(database: Database) -> None:
    """`serve` twice on one host: the file would else hold the password of whoever came second."""
    kept: list[str] = []
    accounts = Accounts(database)
    assert sorted(await asyncio.gather(*(accounts.first_user(1, kept.append) for _ in range(2)))) == [False, True]
    assert len(kept) == 1
    assert await SignIns(database).check_password("admin", kept[0])


async def test_a_password_that_cannot_be_kept_makes_nobody(database: Database) -> None:
    def keep(_password: str) -> None:
        raise PermissionError("no")

    with pytest.raises(PermissionError):
        await Accounts(database).first_user(1, keep)
    assert await _count(database, "users") == 0


async def test_sessions_and_tokens_of_one_account_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloud.store.sign_ins.MOST_SESSIONS", 4)
    monkeypatch.setattr("cloud.store.sign_ins.MOST_PROGRAMS", 3)
    async with opened(f"sqlite:///{tmp_path / 'cloud.db'}") as database:
        await _add(database, "ada")
        sign_ins = SignIns(database)
        first = await _session(database, "ada", now_ms=1)
        for number in range(4):
            last = await _session(database, "ada", now_ms=2 + number)
        assert await _count(database, "tokens") == 4
        assert (await sign_ins.caller(first, 60), await sign_ins.caller(last, 60)) == (
            None,
            Caller("ada", "session", "admin"),
        )
        for number in range(3):
            await sign_ins.issue("ada", "bearer", label=str(number), now_ms=60, expires_ms=None)
        with pytest.raises(AccountRefusedError, match="tokens"):
            await sign_ins.issue("ada", "bearer", label="", now_ms=60, expires_ms=None)


async def test_what_is_of_one_person_is_found_by_an_index(database: Database) -> None:
    plans: list[str] = []
    for name, column in (("predictions", "user_id"), ("recordings", "participant"), ("files", "participant")):
        await Queries(database).page(name, Slice(person="ada"))
        explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
        async with database.write() as link:
            if not database.is_sqlite:
                await link.execute(text("SET LOCAL enable_seqscan = off"))
            asked = f"{explain} SELECT * FROM {name} WHERE {column} = 'ada' ORDER BY start_ms DESC LIMIT 9"  # noqa: S608
            rows: list[Any] = list(await link.execute(text(asked)))
            plans.append(" ".join(str(part) for row in rows for part in row))
    for plan, name in zip(plans, ("predictions", "recordings", "files"), strict=True):
        assert f"{name}_of_person" in plan, plan
