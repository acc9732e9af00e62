"""`afferent cloud account` on a real database: who may what, said on the server, with no password in any argument."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cloud.__main__ import cloud_cli
from cloud.store import passwords
from cloud.store.first_password import FirstPassword


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_N", 2)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "cloud.toml"
    path.write_text(f'state_dir = "{tmp_path}"\n')
    return path


def _run(config: Path, *words: str, stdin: str = "") -> Result:
    return CliRunner().invoke(cloud_cli, [*words, "--config", str(config)], stdin)


def _said(config: Path, *words: str, stdin: str = "") -> str:
    done = _run(config, *words, stdin=stdin)
    assert done.exit_code == 0, done.output
    return done.stdout.strip()


def _accounts(config: Path) -> dict[str, Any]:
    return {one["name"]: one["role"] for one in json.loads(_said(config, "account", "list", "--json"))}


def test_accounts_are_looked_after_from_the_first_to_the_last(config: Path) -> None:
    refused = _run(config, "account", "add", "ada", "--role", "viewer", stdin="a long password\n")
    assert (refused.exit_code, "first account" in refused.stderr) == (1, True)
    assert _said(config, "account", "add", "ada", stdin="a long password\n") == "account ada added as admin"
    assert _said(config, "account", "add", "bob", stdin="\n").startswith("account bob added as viewer, password: ")
    assert _said(config, "user", "add", "eve", stdin="a long password\n") == "account eve added as viewer"
    assert _said(config, "account", "role", "bob", "operator") == "bob is operator now"
    assert _accounts(config) == {"ada": "admin", "bob": "operator", "eve": "viewer"}
    assert "operator" in _said(config, "account", "list")
    token = _said(config, "token", "add", "bob", "--label", "x")
    assert token.startswith("aff_")
    replaced = _said(config, "account", "add", "bob", "--replace", stdin="a longer password\n")
    assert replaced == "account bob has another password"
    assert _accounts(config)["bob"] == "operator", "which a new password leaves"
    assert [one["programs"] for one in json.loads(_said(config, "account", "list", "--json"))] == [0, 0, 0]
    assert len(_said(config, "account", "password", "bob", stdin="\n")) == 19
    assert _said(config, "account", "remove", "bob") == "account bob removed"


REFUSED: list[tuple[tuple[str, ...], str, str]] = [
    (("account", "remove", "ada"), "", "last admin"),
    (("account", "role", "ada", "viewer"), "", "last admin"),
    (("account", "role", "nobody", "viewer"), "", "no account 'nobody'"),
    (("account", "password", "nobody"), "a long password\n", "no account 'nobody'"),
    (("account", "password", "ada"), "short\n", "10 characters"),
    (("account", "password", "ada"), "x" * 257, "256 at most"),
    (("account", "add", "ada"), "a long password\n", "exists already"),
    (("account", "add", "device:gate"), "a long password\n", "letters"),
    (("account", "add", "ada", "--replace", "--role", "viewer"), "", "leaves the role"),
    (("token", "add", "nobody", "--label", "x"), "", "no account 'nobody'"),
]


def test_what_may_not_be_is_one_clear_line(config: Path) -> None:
    _said(config, "account", "add", "ada", stdin="a long password\n")
    for words, stdin, why in REFUSED:
        done = _run(config, *words, stdin=stdin)
        assert (done.exit_code, why in done.stderr, len(done.stderr.splitlines())) == (1, True, 1), done.stderr


def test_one_token_is_ended_and_the_others_go_on(config: Path) -> None:
    _said(config, "account", "add", "ada", stdin="a long password\n")
    made = [_said(config, "token", "add", "ada", "--label", label) for label in ("leaked", "dashboard")]
    listed = {line.split()[-1]: line.split()[0] for line in _said(config, "token", "list").splitlines()}
    assert not any(token in _said(config, "token", "list") for token in made)
    assert _said(config, "token", "remove", listed["leaked"]) == "a token of ada removed"
    assert _run(config, "token", "remove", listed["leaked"]).exit_code == 1
    (left,) = _said(config, "token", "list").splitlines()
    assert left.split()[0] == listed["dashboard"] and left.endswith("dashboard")


def test_the_first_password_is_kept_until_it_is_replaced(config: Path) -> None:
    first = FirstPassword(config.parent)
    first.keep("made by the first run")
    assert stat.S_IMODE(first.path.stat().st_mode) == 0o600
    assert _said(config, "account", "first-password") == "made by the first run"
    _said(config, "account", "add", "admin", stdin="a long password\n")
    assert not first.path.exists()
    assert "account password admin" in _run(config, "account", "first-password").stderr


def test_who_a_member_is_is_said_and_taken_back(config: Path) -> None:
    _said(config, "account", "add", "ada", stdin="a long password\n")
    assert _said(config, "account", "tie", "ada", "gate-1", "P07") == "ada is P07 of gate-1"
    assert json.loads(_said(config, "account", "ties", "ada", "--json")) == [{"device": "gate-1", "person": "P07"}]
    assert "P07" in _said(config, "account", "ties", "ada")
    for wrong in (("tie", "ada", "no device", "P07"), ("tie", "ada", "gate-1", ""), ("ties", "bob")):
        assert _run(config, "account", *wrong).exit_code == 1
    assert _said(config, "account", "untie", "ada", "gate-1", "P07") == "ada is not P07 of gate-1"
    assert _said(config, "account", "ties", "ada") == ""
