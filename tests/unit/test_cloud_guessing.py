"""How often the cloud lets passwords be guessed, how much of it is noted, and whose pages may ask for changes."""

from typing import Any

import pytest
from starlette.requests import Request

from cloud.store.audit import Audit, Deed
from cloud.store.errors import StoreUnavailableError
from cloud.store.sign_ins import Caller, SignIns
from cloud.web.attempts import Attempts
from cloud.web.guard import Guard, signed_in_as
from cloud.web.guessing import Guessing
from cloud.web.noting import Noting
from cloud.web.sampling import Sampling
from tests.support.cloud import StillClock

HOME, GUESSER = "192.0.2.1", "198.51.100.7"


def test_one_s_own_account_forgives_no_guesses_at_another_s() -> None:
    guessing = Guessing(StillClock())
    for _ in range(5):
        assert guessing.wait_s(GUESSER, "admin") == 0
        guessing.tried(GUESSER, "admin")
        guessing.tried(GUESSER, "mallory")
        guessing.succeeded(GUESSER, "mallory")
    assert guessing.wait_s(GUESSER, "admin") > 0
    assert guessing.wait_s(HOME, "admin") == 0


def test_who_mistyped_and_then_knew_it_is_forgiven() -> None:
    guessing = Guessing(StillClock())
    for _ in range(4):
        guessing.tried(HOME, "ada")
    guessing.tried(HOME, "ada")
    guessing.succeeded(HOME, "ada")
    for _ in range(4):
        assert guessing.wait_s(HOME, "ada") == 0
        guessing.tried(HOME, "ada")


def test_guesses_from_everywhere_slow_an_account_down_but_not_where_it_is_at_home() -> None:
    clock = StillClock()
    guessing = Guessing(clock)
    guessing.tried(HOME, "admin")
    guessing.succeeded(HOME, "admin")
    tries = 0
    for number in range(3600):
        address = f"2001:db8:{number:x}::1"
        if not guessing.wait_s(address, "admin"):
            guessing.tried(address, "admin")
            tries += 1
        clock.ms += 1000
    assert 20 < tries < 100, "of 3600 addresses within an hour"
    assert guessing.wait_s(HOME, "admin") == 0
    assert guessing.wait_s("203.0.113.9", "admin") > 0
    assert guessing.wait_s("203.0.113.9", "ada") == 0


@pytest.mark.parametrize("other", ["::ffff:192.0.2.1", "192.0.2.1"])
def test_an_address_is_the_same_in_either_family(other: str) -> None:
    """A listener for both families says `::ffff:192.0.2.1`: not all of IPv4 is one client for that."""
    attempts = Attempts(StillClock())
    for _ in range(6):
        attempts.failed(other)
    assert attempts.wait_s("192.0.2.1") > 0
    assert attempts.wait_s("::ffff:192.0.2.2") == 0


def test_of_what_anybody_can_do_only_so_much_is_noted_and_the_rest_is_counted() -> None:
    clock = StillClock()
    sampling = Sampling(clock, of_one=3, of_all=5)
    assert [sampling.ask("a") for _ in range(5)] == [0, 0, 0, None, None]
    assert [sampling.ask("b") for _ in range(3)] == [2, 0, None]
    clock.ms += 3_600_000
    assert sampling.ask("a") == 1


class _Paper(Audit):
    def __init__(self) -> None:
        """In memory."""
        self.deeds: list[Deed] = []

    async def note(self, deed: Deed, now_ms: int) -> None:
        """Keep it."""
        self.deeds.append(deed)


async def test_what_ends_in_a_hole_of_the_program_is_noted_too() -> None:
    async def broken(_scope: Any, _receive: Any, _send: Any) -> None:
        raise RuntimeError("a hole")

    audit = _Paper()
    scope = {"type": "http", "method": "POST", "path": "/v1/x", "headers": [], "query_string": b""}
    signed_in_as(Request(scope), Caller("ada", "session", "admin"))
    with pytest.raises(RuntimeError):
        await Noting(broken, audit=audit, clock=StillClock())(scope, None, None)  # type: ignore[arg-type]
    assert [(one.actor, one.outcome, one.detail) for one in audit.deeds] == [("ada", "refused", "500")]


class _Nobody(SignIns):
    def __init__(self) -> None:
        """Needs no database."""

    async def caller(self, token: str, now_ms: int) -> Caller | None:
        """Nobody; with the token `away` the database is."""
        if token == "away":  # noqa: S105 - a word
            raise StoreUnavailableError("away")
        return None


async def _answered(scheme: str, headers: dict[str, str], *, method: str = "POST") -> int:
    """The status with which the guard answers; 0 where it lets pass."""
    sent: list[Any] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        Request(scope)

    async def send(message: Any) -> None:
        sent.append(message)

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": "/v1/x", "headers": raw, "query_string": b"", "scheme": scheme}
    scope["server"] = ("cloud.example", 443)
    guard = Guard(app, sign_ins=_Nobody(), clock=StillClock(), metrics_token=None)
    await guard(scope, None, send)  # type: ignore[arg-type]
    return int(sent[0]["status"]) if sent else 0


@pytest.mark.parametrize(
    ("scheme", "headers", "status"),
    [
        ("https", {"origin": "https://cloud.example"}, 0),
        ("https", {"origin": "http://cloud.example"}, 403),
        ("http", {"origin": "https://cloud.example"}, 0),
        ("http", {"origin": "http://cloud.example"}, 0),
        ("https", {"origin": "https://cloud.example.evil"}, 403),
        ("https", {"origin": "http://[evil"}, 403),
        ("https", {"origin": "null"}, 403),
        ("https", {"sec-fetch-site": "same-site"}, 403),
        ("https", {"authorization": "Bearer away"}, 503),
    ],
)
async def test_whose_pages_may_ask_for_changes(scheme: str, headers: dict[str, str], status: int) -> None:
    """A proxy that does TLS reaches us by HTTP, so only the other way round is sure to be a page in the clear."""
    assert await _answered(scheme, {"host": "cloud.example", **headers}) == status
