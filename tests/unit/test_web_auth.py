"""Sign-in: the password, the sessions, guessing, and the files behind them."""

import asyncio
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.files import write_private
from edge.web.attempts import Attempts
from edge.web.auth import USER, Auth, TooManyAttemptsError, WrongPasswordError
from edge.web.passwords import PasswordFileError, generate_password
from edge.web.sign_ins import SignIn, SignIns
from tests.support.clock import FakeClock

HERE = "192.0.2.1"


def test_the_password_is_told_once_and_kept_as_a_hash_that_only_its_owner_reads(tmp_path: Path) -> None:
    auth = Auth(tmp_path / "auth", clock=FakeClock())
    password = auth.ensure_password()
    assert password is not None
    assert Auth(tmp_path / "auth", clock=FakeClock()).ensure_password() is None
    kept = tmp_path / "auth" / "password.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert password not in kept.read_text()


def test_generated_passwords_are_readable_and_differ() -> None:
    made = {generate_password() for _ in range(200)}
    assert len(made) == 200
    assert all(len(word) == 19 and not set(word) & set("01il o") for word in made)


async def test_a_session_lasts_over_a_restart_and_until_it_is_ended(tmp_path: Path) -> None:
    clock = FakeClock()
    auth = Auth(tmp_path, clock=clock)
    session = await auth.sign_in(auth.reset(), HERE)
    again = Auth(tmp_path, clock=clock)
    assert again.user_of(session.token) == USER
    assert session.token not in (tmp_path / "sessions.json").read_text()
    assert stat.S_IMODE((tmp_path / "sessions.json").stat().st_mode) == 0o600
    await again.sign_out(session.token)
    await again.sign_out("unknown")
    assert again.user_of(session.token) is None
    assert Auth(tmp_path, clock=clock).user_of(session.token) is None


async def test_who_signs_out_while_somebody_signs_in_stays_signed_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is written in threads: what is older must not be written last, or a restart signs in again."""
    clock, second = FakeClock(), threading.Event()
    auth = Auth(tmp_path, clock=clock)
    password = auth.reset()
    mine = await auth.sign_in(password, HERE)
    slow = iter([True])

    def write(path: Path, content: bytes) -> None:
        if next(slow, False):
            second.wait(0.2)
        write_private(path, content)
        second.set()

    monkeypatch.setattr("edge.web.sign_ins.write_private", write)
    theirs, _ = await asyncio.gather(
        auth.sign_ins.open(SignIn(expires_ms=mine.expires_ms, salt="", account="b")), auth.sign_out(mine.token)
    )
    kept = SignIns(tmp_path / "sessions.json")
    assert kept.of(theirs)
    assert kept.of(mine.token) is None


async def test_a_session_ends_by_itself(tmp_path: Path) -> None:
    clock = FakeClock()
    auth = Auth(tmp_path, clock=clock, session_days=1)
    session = await auth.sign_in(auth.reset(), HERE)
    clock.advance(86_399)
    assert auth.user_of(session.token) == USER
    clock.advance(2)
    assert auth.user_of(session.token) is None


async def test_a_password_set_by_another_process_ends_every_session(tmp_path: Path) -> None:
    auth = Auth(tmp_path, clock=FakeClock())
    old = auth.reset()
    session = await auth.sign_in(old, HERE)
    new = Auth(tmp_path, clock=FakeClock()).reset()
    assert auth.user_of(session.token) is None
    with pytest.raises(WrongPasswordError):
        await auth.sign_in(old, HERE)
    assert auth.user_of((await auth.sign_in(new, HERE)).token) == USER


async def test_guessing_costs_the_guesser_time_and_nobody_else(tmp_path: Path) -> None:
    clock = FakeClock()
    auth = Auth(tmp_path, clock=clock)
    password = auth.reset()
    for _ in range(5):
        with pytest.raises(WrongPasswordError):
            await auth.sign_in("x" * 300, HERE)
    with pytest.raises(TooManyAttemptsError) as told:
        await auth.sign_in(password, HERE)
    assert told.value.retry_after_s == 2
    assert await auth.sign_in(password, "192.0.2.2")
    clock.advance(2.0)
    assert await auth.sign_in(password, HERE)


async def test_no_more_than_64_sessions_are_kept(tmp_path: Path) -> None:
    clock = FakeClock()
    auth = Auth(tmp_path, clock=clock)
    auth.reset()
    salt = auth.accounts.all()[USER].password.salt
    tokens = []
    for _ in range(66):
        clock.advance(1)
        ends_ms = clock.now().wall_ms + 86_400_000
        tokens.append(await auth.sign_ins.open(SignIn(expires_ms=ends_ms, salt=salt)))
    assert auth.sessions == 64
    assert [auth.user_of(token) for token in tokens[:3]] == [None, None, USER]


async def test_damaged_files_are_told_and_do_not_let_anybody_in(tmp_path: Path) -> None:
    (tmp_path / "sessions.json").write_bytes(b"\xff{")
    auth = Auth(tmp_path, clock=FakeClock())
    assert auth.user_of("anything") is None
    (tmp_path / "password.json").write_text('{"v": 1}')
    with pytest.raises(PasswordFileError, match="cannot be used"):
        auth.ensure_password()


async def test_without_a_usable_password_nobody_is_signed_in_and_a_new_one_mends_it(tmp_path: Path) -> None:
    auth = Auth(tmp_path, clock=FakeClock())
    session = await auth.sign_in(auth.reset(), HERE)
    assert auth.user_of(session.token) == USER
    (tmp_path / "password.json").unlink()
    assert auth.user_of(session.token) is None
    with pytest.raises(PasswordFileError, match="cannot be used"):
        await auth.sign_in("anything", HERE)
    fresh = Auth(tmp_path, clock=FakeClock()).reset()
    assert auth.user_of((await auth.sign_in(fresh, HERE)).token) == USER


def test_waits_double_and_are_forgotten() -> None:
    clock = FakeClock()
    attempts = Attempts(clock)
    waits = []
    for _ in range(16):
        attempts.failed(HERE)
        waits.append(attempts.wait_s(HERE))
    assert waits[:8] == [0, 0, 0, 0, 2, 4, 8, 16]
    assert max(waits) == 900
    clock.advance(3601)
    attempts.failed(HERE)
    assert attempts.wait_s(HERE) == 0
    attempts.succeeded(HERE)
    assert len(attempts) == 0


def test_the_table_of_guessers_is_bounded_and_an_ipv6_client_is_its_network() -> None:
    attempts = Attempts(FakeClock())
    for number in range(3000):
        attempts.failed(f"10.0.{number // 250}.{number % 250}")
    assert len(attempts) == 1024
    for host in range(5):
        attempts.failed(f"2001:db8::{host:x}")
    assert attempts.wait_s("2001:db8::ffff") == 2
    attempts.failed("no address")
    assert attempts.wait_s("another that is none") == 0


@given(st.text(max_size=200))
def test_any_text_as_a_token_is_just_unknown(token: str) -> None:
    auth = Auth(Path("/nonexistent"), clock=FakeClock())
    assert auth.user_of(token) is None


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "file"
    write_private(target, b"one")
    write_private(target, b"two")
    assert target.read_bytes() == b"two"
    assert [path.name for path in target.parent.iterdir()] == ["file"]
