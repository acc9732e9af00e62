"""Accounts: their file, what an admin may do with them, one's own password and sign-ins, and guessing at accounts."""

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import edge.web.accounts
from edge.config import EdgeConfig
from edge.core.files import write_private
from edge.daemon.password import auth_of, ensure_password, page_password
from edge.web.accounts import (
    MOST_ACCOUNTS,
    Account,
    AccountRefusedError,
    Accounts,
    UnknownAccountError,
    decode_accounts,
)
from edge.web.auth import USER, Auth, TooManyAttemptsError, WrongPasswordError
from edge.web.passwords import NOBODYS, PasswordFileError, StoredPassword, hash_password, matches
from edge.web.roles import ROLES
from tests.support.clock import FakeClock
from tests.support.web import Web, make_web

HERE, THERE = "192.0.2.1", "192.0.2.9"
SOME = StoredPassword(salt="ab" * 16, hash="cd" * 32)


def accounts_in(folder: Path) -> Accounts:
    write_private(folder / "password.json", msgspec.json.encode(SOME))
    return Accounts(folder)


def test_today_s_only_password_is_the_account_admin_and_its_file_stays_until_there_are_more(tmp_path: Path) -> None:
    accounts = accounts_in(tmp_path)
    assert accounts.all() == {"admin": Account(role="admin", password=SOME)}
    other = StoredPassword(salt="01" * 16, hash="02" * 32)
    accounts.set_password("admin", other)
    assert not (tmp_path / "accounts.json").exists()
    accounts.add("lena", Account(role="viewer", password=SOME))
    assert set(Accounts(tmp_path).all()) == {"admin", "lena"}
    old = msgspec.json.decode((tmp_path / "password.json").read_bytes(), type=StoredPassword)
    assert old == other, "a release without accounts still knows the password"


def test_what_another_process_writes_is_seen_and_nothing_of_it_is_lost(tmp_path: Path) -> None:
    daemon, command_line = accounts_in(tmp_path), Accounts(tmp_path)
    assert set(daemon.all()) == {"admin"}
    command_line.add("lena", Account(role="viewer", password=SOME))
    daemon.add("omar", Account(role="operator", password=SOME))
    assert set(command_line.all()) == {"admin", "lena", "omar"}


def test_the_last_admin_stays(tmp_path: Path) -> None:
    accounts = accounts_in(tmp_path)
    with pytest.raises(AccountRefusedError, match="last admin"):
        accounts.remove("admin")
    with pytest.raises(AccountRefusedError, match="last admin"):
        accounts.set_role("admin", "operator")
    accounts.add("lena", Account(role="admin", password=SOME))
    accounts.remove("admin")
    assert set(accounts.all()) == {"lena"}
    assert not (tmp_path / "password.json").exists(), "the password of a removed account opens no older release"
    with pytest.raises(AccountRefusedError, match="last admin"):
        accounts.set_role("lena", "viewer")


def test_a_reset_brings_the_admin_back_and_keeps_the_others_if_they_can_be_read(tmp_path: Path) -> None:
    accounts = accounts_in(tmp_path)
    accounts.add("lena", Account(role="admin", password=SOME))
    accounts.remove("admin")
    accounts.reset(Account(role="admin", password=SOME))
    assert set(accounts.all()) == {"admin", "lena"}
    (tmp_path / "accounts.json").write_bytes(b"\xff{")
    with pytest.raises(PasswordFileError, match="cannot be used"):
        accounts.all()
    accounts.reset(Account(role="admin", password=SOME))
    assert set(accounts.all()) == {"admin"}


def test_their_number_is_bounded_and_names_are_checked(tmp_path: Path) -> None:
    accounts = accounts_in(tmp_path)
    for number in range(MOST_ACCOUNTS - 1):
        accounts.add(f"a-{number}", Account(role="viewer", password=SOME))
    with pytest.raises(AccountRefusedError, match="remove one first"):
        accounts.add("more", Account(role="viewer", password=SOME))
    with pytest.raises(AccountRefusedError, match="already"):
        accounts.add("a-1", Account(role="viewer", password=SOME))
    with pytest.raises(UnknownAccountError):
        accounts.remove("nobody")


def test_a_disk_that_fills_up_halfway_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts = accounts_in(tmp_path)
    accounts.add("lena", Account(role="viewer", password=SOME))
    before = accounts.all()

    def full(path: Path, content: bytes) -> None:
        if path.name == "accounts.json":
            raise OSError(28, "No space left on device")
        write_private(path, content)

    monkeypatch.setattr(edge.web.accounts, "write_private", full)
    changes: tuple[Callable[[], None], ...] = (
        lambda: accounts.set_password("admin", NOBODYS),
        lambda: accounts.remove("lena"),
        lambda: accounts.add("omar", Account(role="admin", password=SOME)),
    )
    for change in changes:
        with pytest.raises(OSError, match="No space"):
            change()
        assert accounts.all() == Accounts(tmp_path).all() == before


def test_a_power_cut_at_the_first_start_leaves_no_password_that_nobody_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = EdgeConfig(state_dir=str(tmp_path))

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    for step in ("edge.web.accounts.Accounts.reset", "edge.daemon.password.write_private"):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(step, cut)
            ensure_password(config, auth_of(config))
    path = ensure_password(config, auth_of(config))
    assert path is not None
    assert matches(auth_of(config).accounts.all()["admin"].password, path.read_text().strip())


def test_the_first_password_is_told_only_as_long_as_it_is_one(tmp_path: Path) -> None:
    config = EdgeConfig(state_dir=str(tmp_path))
    auth = auth_of(config)
    path = ensure_password(config, auth)
    assert path is not None
    first = page_password(config, reset=False)
    assert first == path.read_text().strip()
    auth.accounts.set_password("admin", SOME)
    assert "--reset" in page_password(config, reset=False)
    assert not path.exists()
    new = page_password(config, reset=True)
    assert matches(auth.accounts.all()["admin"].password, new)


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_no_bytes_make_accounts_that_lack_an_admin(content: bytes) -> None:
    assert decoded(content) in {None, True}


def decoded(content: bytes) -> bool | None:
    """Whether there is an admin in accounts; None if the bytes are none."""
    try:
        found = decode_accounts(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return any(account.role == "admin" for account in found.values())


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["admin", "viewer", "ab" * 16, "root", "x" * 40]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["v", "accounts", "admin", "role", "password", "salt", "hash", "A B"]), inner)
    ),
    max_leaves=12,
)


@given(_JSON)
def test_no_document_makes_accounts_that_lack_an_admin(document: object) -> None:
    assert decoded(json.dumps(document).encode()) in {None, True}


_NAMES = st.text("az09", min_size=1, max_size=3).map(lambda name: f"{name}.-_"[:32])


@given(st.dictionaries(_NAMES, st.sampled_from(ROLES), max_size=8))
def test_what_is_kept_is_read_back(roles: dict[str, str]) -> None:
    kept = {name: {"role": role, "password": msgspec.to_builtins(SOME)} for name, role in roles.items()}
    content = json.dumps(
        {"v": 1, "accounts": {**kept, "admin": {"role": "admin", "password": msgspec.to_builtins(SOME)}}}
    )
    assert set(decode_accounts(content.encode())) == {*roles, "admin"}


def test_a_password_of_an_impossible_strength_matches_nothing() -> None:
    assert not matches(StoredPassword(n=3, salt="00", hash="00"), "anything")
    assert not matches(NOBODYS, "")


async def test_who_guesses_at_an_account_from_everywhere_is_slowed_and_keeps_nobody_out(tmp_path: Path) -> None:
    clock = FakeClock()
    auth = Auth(tmp_path, clock=clock)
    password = auth.reset()
    await auth.sign_in(password, HERE)
    for number in range(20):
        with pytest.raises(WrongPasswordError):
            await auth.sign_in("x" * 300, f"198.51.100.{number}")
    with pytest.raises(TooManyAttemptsError) as told:
        await auth.sign_in(password, THERE)
    assert 0 < told.value.retry_after_s <= 60
    assert await auth.sign_in(password, HERE), "from where somebody works already"
    for number in range(20, 60):
        with pytest.raises((WrongPasswordError, TooManyAttemptsError)):
            await auth.sign_in("x" * 300, f"198.51.100.{number}")
    assert await auth.sign_in(password, "127.0.0.1"), "at the box itself"
    clock.advance(61)
    assert await auth.sign_in(password, THERE), "never for ever"


async def test_who_has_an_account_guesses_no_cheaper_at_another_one(tmp_path: Path) -> None:
    """A viewer who signs in between is not forgiven what they guessed of the admin, only what they mistyped."""
    auth = Auth(tmp_path, clock=FakeClock())
    auth.reset()
    auth.accounts.add("vera", Account(role="viewer", password=hash_password("hers alone")))
    for account in ("admin", "admin", "vera", "admin", "admin"):
        with pytest.raises(WrongPasswordError):
            await auth.sign_in("x" * 300, HERE, account=account)
        if account == "vera":
            await auth.sign_in("hers alone", HERE, account="vera")
    assert await auth.sign_in("hers alone", HERE, account="vera")
    with pytest.raises(WrongPasswordError):
        await auth.sign_in("x" * 300, HERE)
    with pytest.raises(TooManyAttemptsError):
        await auth.sign_in("x" * 300, HERE)


async def test_another_account_s_password_is_no_password_and_an_unknown_name_costs_the_same(tmp_path: Path) -> None:
    auth = Auth(tmp_path, clock=FakeClock())
    password = auth.reset()
    auth.accounts.add("lena", Account(role="viewer", password=SOME))
    for account in ("lena", "nobody", "x" * 64):
        with pytest.raises(WrongPasswordError):
            await auth.sign_in(password, HERE, account=account)
    signed = auth.who((await auth.sign_in(password, HERE)).token)
    assert signed is not None
    assert (signed.account, signed.role) == (USER, "admin")


async def test_a_session_of_a_release_without_accounts_goes_on(tmp_path: Path) -> None:
    auth = Auth(tmp_path, clock=FakeClock())
    session = await auth.sign_in(auth.reset(), HERE)
    path = tmp_path / "sessions.json"
    kept = {
        key: {k: v for k, v in one.items() if k in {"expires_ms", "salt", "participant"}}
        for key, one in json.loads(path.read_bytes()).items()
    }
    path.write_text(json.dumps(kept))
    assert Auth(tmp_path, clock=FakeClock()).user_of(session.token) == USER


@pytest.fixture
def web(tmp_path: Path) -> Web:
    return make_web(tmp_path)


async def test_an_admin_adds_changes_and_removes_accounts(web: Web) -> None:
    made = await web.ask("POST", "/v1/accounts", json={"name": "lena", "role": "viewer"})
    assert made.status_code == 201
    password = made.json()["password"]
    assert len(password) == 19
    taken = await web.ask("POST", "/v1/accounts", json={"name": "lena", "role": "viewer"})
    assert (taken.status_code, taken.json()["field"]) == (409, "account")
    signed = await web.ask("POST", "/v1/session", signed_in=False, json={"password": password, "account": "lena"})
    mine = {"Authorization": f"Bearer {signed.json()['token']}"}
    assert (signed.json()["user"], signed.json()["role"]) == ("lena", "viewer")
    assert (await web.ask("GET", "/v1/status", signed_in=False, headers=mine)).status_code == 200
    assert (await web.ask("POST", "/v1/cameras/front/start", signed_in=False, headers=mine)).status_code == 403
    assert (await web.ask("PUT", "/v1/accounts/lena/role", json={"role": "operator"})).json()["sign_ins"] == 1
    assert (await web.ask("POST", "/v1/cameras/front/start", signed_in=False, headers=mine)).status_code == 200
    listed = (await web.ask("GET", "/v1/accounts")).json()["accounts"]
    assert [(one["name"], one["role"]) for one in listed] == [("admin", "admin"), ("lena", "operator")]
    assert (await web.ask("PUT", "/v1/accounts/lena/password", json={})).json()["password"]
    assert (await web.ask("GET", "/v1/status", signed_in=False, headers=mine)).status_code == 401
    assert (await web.ask("DELETE", "/v1/accounts/lena")).status_code == 204
    assert (await web.ask("DELETE", "/v1/accounts/lena")).status_code == 404
    last = await web.ask("DELETE", "/v1/accounts/admin")
    assert (last.status_code, "last admin" in last.json()["detail"]) == (409, True)


async def test_one_s_own_password_ends_one_s_other_sessions(web: Web) -> None:
    here, there = [(await web.deps.auth.sign_in(web.password, address)).token for address in (HERE, THERE)]
    mine = {"Authorization": f"Bearer {here}"}

    async def change(old: str, new: str) -> int:
        body = {"old": old, "new": new}
        answer = await web.ask("PUT", "/v1/session/password", signed_in=False, headers=mine, json=body)
        return answer.status_code

    assert await change("wrong", "another password") == 403
    assert await change(web.password, "short") == 400
    assert await change(web.password, "another password") == 204
    assert (web.deps.auth.user_of(here), web.deps.auth.user_of(there)) == (USER, None)
    assert await web.deps.auth.sign_in("another password", HERE)


async def test_sessions_are_listed_and_ended_everywhere(web: Web) -> None:
    await web.token("viewer")
    other = (await web.deps.auth.sign_in(web.password, HERE, program="Firefox")).token
    mine = (await web.ask("GET", "/v1/sign-ins", role="viewer")).json()["sign_ins"]
    assert [(one["account"], one["here"]) for one in mine] == [("viewer", True)]
    everybody = (await web.ask("GET", "/v1/sign-ins")).json()["sign_ins"]
    assert {(one["account"], one["address"], one["program"]) for one in everybody} >= {("admin", HERE, "Firefox")}
    assert other not in str(everybody)
    of_admin = next(one["id"] for one in everybody if one["account"] == "admin")
    assert (await web.ask("DELETE", f"/v1/sign-ins/{of_admin}", role="viewer")).status_code == 404
    assert (await web.ask("DELETE", f"/v1/sign-ins/{mine[0]['id']}")).json() == {"ended": 1}
    assert (await web.ask("DELETE", "/v1/sign-ins")).json() == {"ended": 2}
    assert web.deps.auth.user_of(other) is None
