"""The API's own description, made from the structs that it answers with."""

from typing import Any, Final, NamedTuple

import msgspec

from cloud.web import fleet_shapes, shapes, trust_shapes
from cloud.web.operations import Readiness
from cloud.web.problems import Problem
from cloud.web.trust_paths import REVOKED_PATH
from contract.enrolment import AUTHORITY_PATH, CLAIM_PATH, RENEW_PATH, Claim, Credentials, Renewal

_REF: Final = "#/components/schemas/{name}"


class Operation(NamedTuple):
    """One method of one path."""

    method: str
    path: str
    summary: str
    answer: type | None
    body: type | None = None
    paged: bool = False


OPERATIONS: Final = (
    Operation("get", "/v1/devices", "Devices, and how far each has been delivered", shapes.DevicePage, paged=True),
    Operation("get", "/v1/devices/{device}", "All that is known of one device", fleet_shapes.DeviceReport),
    Operation("delete", "/v1/devices/{device}", "Take it off the list; its records stay", None),
    Operation(
        "get", "/v1/devices/{device}/desired", "What it shall be; ETag is the version", fleet_shapes.DesiredState
    ),
    Operation(
        "put",
        "/v1/devices/{device}/desired",
        "Say what it shall be, with If-Match: the version that was seen",
        fleet_shapes.DesiredState,
        fleet_shapes.DesiredRequest,
    ),
    Operation("get", "/v1/devices/{device}/desired/history", "What it was to be before", fleet_shapes.DesiredHistory),
    Operation(
        "get", "/v1/devices/{device}/commands", "Its commands, newest first", fleet_shapes.CommandPage, paged=True
    ),
    Operation(
        "post",
        "/v1/devices/{device}/commands",
        "Ask it to do something once; under the same id never twice",
        fleet_shapes.CommandShown,
        fleet_shapes.CommandRequest,
    ),
    Operation("get", "/v1/devices/{device}/commands/{command}", "One command", fleet_shapes.CommandShown),
    Operation(
        "post",
        "/v1/devices/{device}/commands/{command}/cancel",
        "Call it back while it was not accepted",
        fleet_shapes.CommandShown,
    ),
    Operation(
        "post",
        "/v1/devices/commands",
        "Ask many devices, all or none",
        fleet_shapes.CommandReport,
        fleet_shapes.FleetCommandRequest,
    ),
    Operation("get", "/v1/commands", "Commands of all devices, newest first", fleet_shapes.CommandPage, paged=True),
    Operation("get", "/v1/commands/{command}", "How far each device is that was asked", fleet_shapes.CommandReport),
    Operation("get", "/v1/audit", "Who asked for what, newest first", fleet_shapes.AuditPage),
    Operation("get", "/v1/devices/{device}/gaps", "Records missing of a device", shapes.GapPage, paged=True),
    Operation("get", "/v1/predictions", "Predictions, newest first", shapes.PredictionPage, paged=True),
    Operation("get", "/v1/events", "Events, newest first", shapes.EventPage, paged=True),
    Operation("get", "/v1/recordings", "Recordings, newest first", shapes.RecordingPage, paged=True),
    Operation("get", "/v1/recordings/{recording}", "One recording", shapes.Recording),
    Operation("get", "/v1/recordings/{recording}/video", "Its video, also by ranges", None),
    Operation("get", "/v1/files", "Files that are no recordings, newest first", shapes.FilePage, paged=True),
    Operation("get", "/v1/files/{file}", "One file", shapes.File),
    Operation("get", "/v1/files/{file}/content", "Its bytes, also by ranges", None),
    Operation("get", "/v1/ledger", "What was given up, when and why", shapes.LedgerPage, paged=True),
    Operation("get", "/v1/models", "The models held here", shapes.ModelList),
    Operation("get", "/v1/session", "Who is signed in", shapes.Session),
    Operation("post", "/v1/session", "Sign in", shapes.Session, shapes.SignIn),
    Operation("delete", "/v1/session", "Sign out", None),
    Operation("post", "/v1/tokens", "A bearer token for a program", shapes.Token, shapes.TokenRequest),
    Operation("post", CLAIM_PATH, "A certificate for an enrolment token", Credentials, Claim),
    Operation("post", RENEW_PATH, "The next certificate for the one in use", Credentials, Renewal),
    Operation("get", AUTHORITY_PATH, "The authority's certificate, PEM", None),
    Operation("get", REVOKED_PATH, "The list of revoked certificates, PEM", None),
    Operation("get", "/v1/trust/devices", "Devices invited or certified", trust_shapes.TrustedDevices),
    Operation("get", "/v1/devices/{device}/certificates", "Its certificates", trust_shapes.CertificateList),
    Operation(
        "post",
        "/v1/devices/{device}/invitation",
        "A token for a device",
        trust_shapes.Invitation,
        trust_shapes.InvitationRequest,
    ),
    Operation("post", "/v1/devices/{device}/revocation", "End its certificates", trust_shapes.Revoked),
    Operation("get", "/healthz", "Alive", None),
    Operation("get", "/readyz", "Ready, and what is not", Readiness),
    Operation("get", "/metrics", "Prometheus metrics", None),
)
_PARAMETERS: Final = {
    "device": "only of this device",
    "from": "from this moment on: RFC 3339 or milliseconds since 1970",
    "to": "up to but without this moment",
    "limit": "rows of a page, 1 to 1000; 100 if absent",
    "session": "only of this session: of recordings, files and predictions",
    "after": "cursor that the page before gave",
}


def describe(version: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    kinds = {kind for operation in OPERATIONS for kind in (operation.answer, operation.body) if kind} | {Problem}
    ordered = sorted(kinds, key=lambda kind: kind.__name__)
    _, components = msgspec.json.schema_components(ordered, ref_template=_REF)
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Afferent cloud", "version": version},
        "security": [{"session": []}, {"token": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": "afferent_cloud_session"},
                "token": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    problem = {"description": "What went wrong", "content": _content(Problem, "application/problem+json")}
    done = {"description": "Done", **({"content": _content(operation.answer)} if operation.answer else {})}
    found: dict[str, Any] = {
        "summary": operation.summary,
        "parameters": _parameters(operation),
        "responses": {"200": done, "default": problem},
    }
    if operation.body:
        found["requestBody"] = {"required": True, "content": _content(operation.body)}
    return found


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    steps = [step[1:-1] for step in operation.path.split("/") if step.startswith("{")]
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in steps
    ]
    if operation.paged:
        found += [
            {"name": name, "in": "query", "description": words, "schema": {"type": "string"}}
            for name, words in _PARAMETERS.items()
        ]
    return found


def _content(kind: type, media: str = "application/json") -> dict[str, Any]:
    return {media: {"schema": {"$ref": _REF.format(name=kind.__name__)}}}
