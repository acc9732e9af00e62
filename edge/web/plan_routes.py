"""What people draw over a camera's picture, and what the camera learned to be normal: read, changed, forgotten."""

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from contract.plan import MOST_BYTES, Plan, encode_plan, uncovered
from edge.core.errors import PlanConflictError, StoreError
from edge.web.access import Access
from edge.web.callers import Caller, caller_of
from edge.web.deps import CameraPort, WebDeps
from edge.web.endpoint import Endpoint, answer, body_of, owner_get
from edge.web.lookup import camera_in
from edge.web.problem import ProblemError
from edge.web.views import AnomalyView, PlanView

_PLAN = "/v1/cameras/{camera}/plan"
_ANOMALY = "/v1/cameras/{camera}/anomaly"


class PlanRoutes:
    """`/v1/cameras/{camera}/plan` and `/v1/cameras/{camera}/anomaly`."""

    def __init__(self, deps: WebDeps) -> None:
        self._deps = deps

    def endpoints(self) -> list[Endpoint]:
        """The table of them."""
        return [
            owner_get(_PLAN, "A camera's zones, lines, privacy and sensitivity", self.plan, PlanView),
            Endpoint(
                path=_PLAN,
                access=Access.SIGNED_IN,
                summary="Change them; `version` is the one that was changed, 409 if it is no more the newest",
                method="PUT",
                handler=self.set_plan,
                body=Plan,
                answer=PlanView,
            ),
            owner_get(_ANOMALY, "What a camera learned to be normal, and the last hour", self.anomaly, AnomalyView),
            Endpoint(
                path=f"{_ANOMALY}/reset",
                access=Access.SIGNED_IN,
                summary="Forget what was learned to be normal and learn anew",
                method="POST",
                handler=self.reset_anomaly,
                answer=AnomalyView,
            ),
        ]

    async def plan(self, request: Request) -> Response:
        """The plan that holds now."""
        return _plan_of(self._camera(request))

    async def set_plan(self, request: Request) -> Response:
        """Change it, if nobody else did meanwhile."""
        camera = self._camera(request)
        wanted: Plan = await body_of(request, Plan, most_bytes=MOST_BYTES)
        if len(encode_plan(wanted)) > MOST_BYTES:  # as it is kept, which is more than as it came
            raise ProblemError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"The plan has more than {MOST_BYTES} bytes",
                remedy="use fewer zones, corners or rules",
            )
        _check_privacy(caller_of(request.scope), camera.plan(), wanted)
        try:
            await camera.set_plan(wanted)
        except PlanConflictError as error:
            raise _conflict(camera, str(error)) from error
        except StoreError as error:
            raise _not_kept(error) from error
        return _plan_of(camera)

    async def anomaly(self, request: Request) -> Response:
        """The learned normal."""
        return _anomaly_of(self._camera(request))

    async def reset_anomaly(self, request: Request) -> Response:
        """Forget it."""
        camera = self._camera(request)
        try:
            await camera.reset_anomaly()
        except StoreError as error:
            raise _not_kept(error) from error
        return _anomaly_of(camera)

    def _camera(self, request: Request) -> CameraPort:
        return camera_in(self._deps.cameras, request.path_params["camera"])


def _check_privacy(caller: Caller, before: Plan, wanted: Plan) -> None:
    """What is hidden was promised to people: only an admin uncovers any of it. Anybody may cover more."""
    if (place := uncovered(before, wanted)) and not caller.is_at_least("admin"):
        raise ProblemError(
            HTTPStatus.FORBIDDEN,
            f"Only an admin may show again what {place} hides",
            field="$.zones" if place.startswith("zones") else f"$.{place}",
            remedy="draw another privacy zone over what is to be covered too, or ask an admin",
        )


def _plan_of(camera: CameraPort) -> Response:
    return answer(PlanView(plan=camera.plan(), problem=camera.plan_problem()))


def _anomaly_of(camera: CameraPort) -> Response:
    learned = camera.anomaly()
    if learned is None:
        raise ProblemError(
            HTTPStatus.NOT_FOUND,
            f"Camera {camera.id} does not look for what is unusual now",
            remedy="switch vision.enabled and vision.anomaly on, and see vision." + camera.id + " in /v1/health",
        )
    return answer(learned)


def _conflict(camera: CameraPort, detail: str) -> ProblemError:
    version = camera.plan().version
    return ProblemError(
        HTTPStatus.CONFLICT,
        detail,
        field="$.version",
        remedy=f"read the plan again, make the change to version {version} and send it with that version",
        version=version,
    )


def _not_kept(error: StoreError) -> ProblemError:
    return ProblemError(HTTPStatus.INSUFFICIENT_STORAGE, str(error), remedy="free disk space, and see /v1/health")
