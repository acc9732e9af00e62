"""`afferent edge account`: no password in an argument, everything noted, and the last admin stays."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from edge.core.audit import AuditLog
from edge.web.account_cli import account_commands
from edge.web.auth import Auth
from tests.support.clock import FakeClock


@pytest.fixture
def state(tmp_path: Path) -> Path:
    Auth(tmp_path / "auth", clock=FakeClock()).reset()
    return tmp_path


def run(state: Path, *words: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(account_commands(lambda _path: state), list(words), input=typed)


async def test_an_account_from_its_making_to_its_end(state: Path) -> None:
    auth = Auth(state / "auth", clock=FakeClock())
    password = run(state, "add", "lena", "--role", "operator").output.strip()
    session = await auth.sign_in(password, "192.0.2.1", account="lena")
    assert [line.split() for line in run(state, "list").output.splitlines()] == [
        ["admin", "admin"],
        ["lena", "operator"],
    ]
    assert run(state, "role", "lena", "viewer").exit_code == 0
    signed = auth.who(session.token)
    assert signed is not None
    assert signed.role == "viewer"
    assert (
        run(state, "password", "lena", "--ask", typed="a password of hers\n").output
        == "lena has another password now.\n"
    )
    assert auth.who(session.token) is None
    again = await auth.sign_in("a password of hers", "192.0.2.1", account="lena")
    assert run(state, "remove", "lena").exit_code == 0
    assert auth.who(again.token) is None
    log = AuditLog(state / "audit", clock=FakeClock())
    told = [(entry.action, entry.target, entry.address) for _, entry in log.newest()]
    assert told[::-1] == [
        ("account add", "account=lena role=operator", "console"),
        ("account role", "account=lena role=viewer", "console"),
        ("account password", "account=lena", "console"),
        ("account remove", "account=lena", "console"),
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("remove", "admin"), "last admin"),
        (("role", "admin", "viewer"), "last admin"),
        (("remove", "nobody"), "no account"),
        (("add", "Not A Name"), "small letters"),
        (("add", "admin"), "already"),
        (("add", "lena", "--role", "root"), "root"),
    ],
)
def test_what_cannot_be_is_said(state: Path, words: tuple[str, ...], told: str) -> None:
    result = run(state, *words)
    assert (result.exit_code == 0, told in result.output) == (False, True), result.output


def test_a_password_that_is_too_short_is_refused(state: Path) -> None:
    assert "10 to 256" in run(state, "add", "lena", "--ask", typed="short\n").output
