"""What a caller may see of sessions: who has an account everything, a participant what is their own (S0.36, X.6)."""

from http import HTTPStatus

from contract.sessions import SessionView
from edge.core.errors import RefusedError, UnknownError
from edge.web.callers import Caller
from edge.web.problem import ProblemError
from edge.web.session_port import SessionPort


def check_own(caller: Caller, participant: str) -> None:
    """Refuse what belongs to another participant than the caller."""
    if caller.subject not in {None, participant}:
        raise _not_yours("participant")


async def own_session(port: SessionPort, caller: Caller, session_id: str) -> SessionView:
    """A session that the caller may see; to a participant those of others and those that never were are alike.

    Raise `UnknownError`, `StoreError`, or a problem.
    """
    try:
        view = await port.session(session_id)
    except UnknownError as error:
        if caller.subject is None:
            raise
        raise _not_yours("session_id") from error
    if caller.subject not in {None, view.participant}:
        raise _not_yours("session_id")
    return view


async def check_free(port: SessionPort, session_id: str, participant: str) -> None:
    """The same id again is the same session, but never another participant's: raise `RefusedError` then."""
    try:
        view = await port.session(session_id)
    except UnknownError:
        return
    if view.participant != participant:
        raise RefusedError("That session id is taken: choose another")


def has_agreed(port: SessionPort, participant: str) -> bool:
    """Whether their consent stands."""
    known = next((one for one in port.participants() if one.id == participant), None)
    return known is not None and known.consent is not None and known.consent.given


def _not_yours(field: str) -> ProblemError:
    return ProblemError(
        HTTPStatus.FORBIDDEN, "A participant may use only their own sessions", field=field, remedy="use your own link"
    )
