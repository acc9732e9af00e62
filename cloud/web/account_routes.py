"""Accounts: listed, added, given another role or password, and taken away, by an admin in person."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cloud.store.accounts import Accounts
from cloud.store.clock import Clock
from cloud.store.passwords import generate_password
from cloud.store.ties import LONGEST_NAME, Tie, names_a_person
from cloud.web.account_shapes import (
    AccountList,
    AccountView,
    MadePassword,
    NewAccount,
    NewPassword,
    NewRole,
    TieList,
    TieView,
)
from cloud.web.asking import deed_of
from cloud.web.problems import ProblemError
from cloud.web.replies import body_of, reply


def account_routes(accounts: Accounts, clock: Clock) -> list[Route]:
    """The routes `/v1/accounts`."""
    handlers = _Handlers(accounts, clock)
    return [
        Route("/v1/accounts", handlers.all, methods=["GET"]),
        Route("/v1/accounts", handlers.add, methods=["POST"]),
        Route("/v1/accounts/{account}/role", handlers.role, methods=["PUT"]),
        Route("/v1/accounts/{account}/password", handlers.password, methods=["PUT"]),
        Route("/v1/accounts/{account}/people", handlers.people, methods=["GET"]),
        Route("/v1/accounts/{account}/people/{device}", handlers.tie, methods=["PUT"]),
        Route("/v1/accounts/{account}/people/{device}", handlers.untie, methods=["DELETE"]),
        Route("/v1/accounts/{account}", handlers.remove, methods=["DELETE"]),
    ]


class _Handlers:
    def __init__(self, accounts: Accounts, clock: Clock) -> None:
        self._accounts = accounts
        self._clock = clock

    async def all(self, _request: Request) -> Response:
        """Everybody."""
        found = await self._accounts.all(self._clock.now_ms())
        return reply(AccountList(items=[AccountView(**one._asdict()) for one in found]))

    async def add(self, request: Request) -> Response:
        """A new one; a password that is made here is shown this once."""
        wanted = await body_of(request, NewAccount)
        password = wanted.password or generate_password()
        deed = deed_of(request, "account.add", wanted.name)
        await self._accounts.add(wanted.name, password, deed, role=wanted.role, now_ms=self._clock.now_ms())
        return reply(MadePassword(name=wanted.name, password=None if wanted.password else password), 201)

    async def role(self, request: Request) -> Response:
        """Another role, from the next request on."""
        name, wanted = request.path_params["account"], await body_of(request, NewRole)
        deed = deed_of(request, "account.role", name)
        await self._accounts.set_role(name, wanted.role, deed, now_ms=self._clock.now_ms())
        return Response(status_code=204)

    async def password(self, request: Request) -> Response:
        """Another password; what the old one opened ends."""
        name, wanted = request.path_params["account"], await body_of(request, NewPassword)
        password = wanted.password or generate_password()
        deed = deed_of(request, "account.password", name)
        await self._accounts.set_password(name, password, deed, now_ms=self._clock.now_ms())
        return reply(MadePassword(name=name, password=None if wanted.password else password))

    async def people(self, request: Request) -> Response:
        """Whom a member's account is."""
        found = await self._accounts.ties.of(request.path_params["account"])
        return reply(TieList(items=[TieView(**one._asdict()) for one in found]))

    async def tie(self, request: Request) -> Response:
        """They are this person of this device."""
        name = request.path_params["account"]
        deed = deed_of(request, "account.tie", name)
        await self._accounts.ties.tie(name, _tie_of(request), deed, now_ms=self._clock.now_ms())
        return Response(status_code=204)

    async def untie(self, request: Request) -> Response:
        """They are not."""
        name = request.path_params["account"]
        deed = deed_of(request, "account.untie", name)
        await self._accounts.ties.untie(name, _tie_of(request), deed, now_ms=self._clock.now_ms())
        return Response(status_code=204)

    async def remove(self, request: Request) -> Response:
        """Take it away."""
        name = request.path_params["account"]
        deed = deed_of(request, "account.remove", name)
        await self._accounts.remove(name, deed, now_ms=self._clock.now_ms())
        return Response(status_code=204)


def _tie_of(request: Request) -> Tie:
    """The person by the query: within a path `..` and `/` mean something else, and the audit keeps paths."""
    person = request.query_params.get("person", "")
    if not names_a_person(person):
        remedy = f"give it as ?person=NAME, as the device has it: 1 to {LONGEST_NAME} characters"
        raise ProblemError(400, f"person: {person!r:.40} is no name of a person", field="person", remedy=remedy)
    return Tie(request.path_params["device"], person)
