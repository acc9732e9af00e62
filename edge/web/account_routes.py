"""Accounts: listed, added, given another role or password, and taken away, by an admin."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from edge.core.clock import Clock
from edge.web.access import Access
from edge.web.account_views import AccountsView, AccountView, ChangedAccount, NewAccount, NewPassword, NewRole
from edge.web.accounts import Account, AccountRefusedError, UnknownAccountError
from edge.web.auth import Auth
from edge.web.deed import deed_of
from edge.web.endpoint import Endpoint, Handler, answer, body_of
from edge.web.passwords import PasswordFileError, generate_password
from edge.web.problem import ProblemError

_ALL: Final = "/v1/accounts"
_ONE: Final = f"{_ALL}/{{account}}"


class AccountRoutes:
    """`/v1/accounts`."""

    def __init__(self, auth: Auth, *, clock: Clock) -> None:
        self._auth = auth
        self._clock = clock

    def endpoints(self) -> list[Endpoint]:
        """The table of them."""
        return [
            _route("GET", _ALL, "Every account", self.everybody, answer=AccountsView),
            _route("POST", _ALL, "Add an account", self.add, answer=ChangedAccount, body=NewAccount, status=201),
            _route(
                "PUT",
                f"{_ONE}/role",
                "Give another role; the last admin stays one",
                self.role,
                answer=AccountView,
                body=NewRole,
            ),
            _route(
                "PUT",
                f"{_ONE}/password",
                "Give another password, which ends every session of the account",
                self.password,
                answer=ChangedAccount,
                body=NewPassword,
            ),
            Endpoint(
                path=_ONE,
                access=Access.ADMIN,
                summary="Take an account away, and all its sessions; the last admin stays",
                method="DELETE",
                handler=self.remove,
                status=HTTPStatus.NO_CONTENT,
            ),
        ]

    async def everybody(self, _request: Request) -> Response:
        """All of them."""
        with refusals():
            names = sorted(self._auth.accounts.all())
        return answer(AccountsView(accounts=[self._view(name) for name in names]))

    async def add(self, request: Request) -> Response:
        """A new one."""
        wanted: NewAccount = await body_of(request, NewAccount)
        deed_of(request.scope).target = f"account={wanted.name} role={wanted.role}"
        password = wanted.password or generate_password()
        stored = await self._auth.hashed(password)
        account = Account(role=wanted.role, password=stored, since_ms=self._clock.now().wall_ms)
        await _change(partial(self._auth.accounts.add, wanted.name, account))
        made = None if wanted.password else password
        return answer(ChangedAccount(account=self._view(wanted.name), password=made), HTTPStatus.CREATED)

    async def role(self, request: Request) -> Response:
        """Another role, from the next request on."""
        name = request.path_params["account"]
        wanted: NewRole = await body_of(request, NewRole)
        deed_of(request.scope).target = f"account={name} role={wanted.role}"
        await _change(partial(self._auth.accounts.set_role, name, wanted.role))
        return answer(self._view(name))

    async def password(self, request: Request) -> Response:
        """Another password."""
        name = request.path_params["account"]
        wanted: NewPassword = await body_of(request, NewPassword)
        password = wanted.password or generate_password()
        stored = await self._auth.hashed(password)
        await _change(partial(self._auth.accounts.set_password, name, stored))
        await self._auth.end_all(name)
        return answer(ChangedAccount(account=self._view(name), password=None if wanted.password else password))

    async def remove(self, request: Request) -> Response:
        """Take it away."""
        name = request.path_params["account"]
        await _change(partial(self._auth.accounts.remove, name))
        await self._auth.end_all(name)
        return Response(status_code=HTTPStatus.NO_CONTENT, headers={"Cache-Control": "no-store"})

    def _view(self, name: str) -> AccountView:
        with refusals():
            account = self._auth.accounts.of(name)
            if account is None:
                raise UnknownAccountError(f"There is no account {name!r:.40}")
            open_now = len(self._auth.live(name))
        return AccountView(name=name, role=account.role, since_ms=account.since_ms, sign_ins=open_now)


@contextmanager
def refusals() -> Iterator[None]:
    """Inside, what the file of accounts refuses becomes a problem."""
    try:
        yield
    except UnknownAccountError as error:
        raise ProblemError(HTTPStatus.NOT_FOUND, str(error), field="account") from error
    except AccountRefusedError as error:
        raise ProblemError(HTTPStatus.CONFLICT, str(error), field="account") from error
    except PasswordFileError as error:
        remedy = "make a new password on the appliance: afferent edge password --reset"
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, str(error), remedy=remedy) from error
    except OSError as error:
        detail = f"The accounts were not changed: {error.strerror or error}"
        raise ProblemError(HTTPStatus.INSUFFICIENT_STORAGE, detail, remedy="free disk space") from error


async def _change(work: Callable[[], None]) -> None:
    with refusals():
        await to_thread.run_sync(work)


def _route(method: str, path: str, summary: str, handler: Handler, **more: Any) -> Endpoint:
    return Endpoint(method=method, path=path, access=Access.ADMIN, summary=summary, handler=handler, **more)
