"""The table of the API: every operation, who may use it, and what it takes and answers.

The application refuses to start with a route that is not here, so nothing is reachable for which nobody said by whom.
"""

from typing import Final, Literal, NamedTuple

from cloud.store.roles import Role
from cloud.web import account_shapes, fleet_shapes, shapes, trust_shapes
from cloud.web.operations import Readiness
from cloud.web.trust_paths import REVOKED_PATH
from contract.enrolment import AUTHORITY_PATH, CLAIM_PATH, RENEW_PATH, Claim, Credentials, Renewal

Access = Literal["public"] | Role
"""Who may: everybody, or accounts of this role and those above it. A member gets what is their own."""


class Operation(NamedTuple):
    """One method of one path."""

    access: Access
    method: str
    path: str
    summary: str
    answer: type | None
    body: type | None = None
    paged: bool = False
    in_person: bool = False
    """Needs a sign-in with a password: a program's token does not do."""
    query: tuple[str, ...] = ()
    """What else than the parameters of every list may stand in the query: see `cloud.web.openapi`."""


OPERATIONS: Final = (
    Operation(
        "viewer",
        "get",
        "/v1/devices",
        "Devices, and how far each has been delivered",
        shapes.DevicePage,
        paged=True,
        query=("state", "name", "attention"),
    ),
    Operation("viewer", "get", "/v1/devices/{device}", "All that is known of one device", fleet_shapes.DeviceReport),
    Operation("admin", "delete", "/v1/devices/{device}", "Take it off the list; its records stay", None),
    Operation(
        "viewer",
        "get",
        "/v1/devices/{device}/desired",
        "What it shall be; ETag is the version",
        fleet_shapes.DesiredState,
    ),
    Operation(
        "operator",
        "put",
        "/v1/devices/{device}/desired",
        "Say what it shall be, with If-Match: the version that was seen",
        fleet_shapes.DesiredState,
        fleet_shapes.DesiredRequest,
    ),
    Operation(
        "viewer", "get", "/v1/devices/{device}/desired/history", "What it was to be before", fleet_shapes.DesiredHistory
    ),
    Operation(
        "viewer",
        "get",
        "/v1/devices/{device}/commands",
        "Its commands, newest first",
        fleet_shapes.CommandPage,
        paged=True,
    ),
    Operation(
        "operator",
        "post",
        "/v1/devices/{device}/commands",
        "Ask it to do something once; under the same id never twice",
        fleet_shapes.CommandShown,
        fleet_shapes.CommandRequest,
    ),
    Operation("viewer", "get", "/v1/devices/{device}/commands/{command}", "One command", fleet_shapes.CommandShown),
    Operation(
        "operator",
        "post",
        "/v1/devices/{device}/commands/{command}/cancel",
        "Call it back while it was not accepted",
        fleet_shapes.CommandShown,
    ),
    Operation(
        "operator",
        "post",
        "/v1/devices/commands",
        "Ask many devices, all or none",
        fleet_shapes.CommandReport,
        fleet_shapes.FleetCommandRequest,
    ),
    Operation(
        "viewer", "get", "/v1/commands", "Commands of all devices, newest first", fleet_shapes.CommandPage, paged=True
    ),
    Operation(
        "viewer", "get", "/v1/commands/{command}", "How far each device is that was asked", fleet_shapes.CommandReport
    ),
    Operation("admin", "get", "/v1/audit", "Who asked for what, newest first", fleet_shapes.AuditPage),
    Operation("viewer", "get", "/v1/devices/{device}/gaps", "Records missing of a device", shapes.GapPage, paged=True),
    Operation("member", "get", "/v1/predictions", "Predictions, newest first", shapes.PredictionPage, paged=True),
    Operation("viewer", "get", "/v1/events", "Events, newest first", shapes.EventPage, paged=True),
    Operation("member", "get", "/v1/recordings", "Recordings, newest first", shapes.RecordingPage, paged=True),
    Operation("member", "get", "/v1/recordings/{recording}", "One recording", shapes.Recording),
    Operation("member", "get", "/v1/recordings/{recording}/video", "Its video, also by ranges", None),
    Operation("member", "get", "/v1/files", "Files that are no recordings, newest first", shapes.FilePage, paged=True),
    Operation("member", "get", "/v1/files/{file}", "One file", shapes.File),
    Operation("member", "get", "/v1/files/{file}/content", "Its bytes, also by ranges", None),
    Operation("viewer", "get", "/v1/ledger", "What was given up, when and why", shapes.LedgerPage, paged=True),
    Operation("viewer", "get", "/v1/models", "The models held here", shapes.ModelList),
    Operation("public", "get", "/v1/session", "Who is signed in", shapes.Session),
    Operation("public", "post", "/v1/session", "Sign in", shapes.Session, shapes.SignIn),
    Operation("public", "delete", "/v1/session", "Sign out", None),
    Operation(
        "member",
        "put",
        "/v1/session/password",
        "Change one's own password, which ends one's other sessions and all tokens",
        None,
        account_shapes.OwnPassword,
        in_person=True,
    ),
    Operation(
        "member",
        "post",
        "/v1/tokens",
        "A bearer token, with which a program may do what the account may",
        shapes.Token,
        shapes.TokenRequest,
        in_person=True,
    ),
    Operation("admin", "get", "/v1/accounts", "Every account", account_shapes.AccountList, in_person=True),
    Operation(
        "admin",
        "post",
        "/v1/accounts",
        "Add an account",
        account_shapes.MadePassword,
        account_shapes.NewAccount,
        in_person=True,
    ),
    Operation(
        "admin",
        "put",
        "/v1/accounts/{account}/role",
        "Give another role; the last admin stays one",
        None,
        account_shapes.NewRole,
        in_person=True,
    ),
    Operation(
        "admin",
        "put",
        "/v1/accounts/{account}/password",
        "Give another password, which ends every session and token",
        account_shapes.MadePassword,
        account_shapes.NewPassword,
        in_person=True,
    ),
    Operation(
        "admin",
        "get",
        "/v1/accounts/{account}/people",
        "On which device they take part under which name: what a member sees",
        account_shapes.TieList,
        in_person=True,
    ),
    Operation(
        "admin",
        "put",
        "/v1/accounts/{account}/people/{device}",
        "Say that they are this person of this device",
        None,
        query=("person",),
        in_person=True,
    ),
    Operation(
        "admin",
        "delete",
        "/v1/accounts/{account}/people/{device}",
        "Say that they are not",
        None,
        query=("person",),
        in_person=True,
    ),
    Operation(
        "admin",
        "delete",
        "/v1/accounts/{account}",
        "Take an account away; the last admin stays",
        None,
        in_person=True,
    ),
    Operation("public", "post", CLAIM_PATH, "A certificate for an enrolment token", Credentials, Claim),
    Operation("public", "post", RENEW_PATH, "The next certificate for the one in use", Credentials, Renewal),
    Operation("public", "get", AUTHORITY_PATH, "The authority's certificate, PEM", None),
    Operation("public", "get", REVOKED_PATH, "The list of revoked certificates, PEM", None),
    Operation("viewer", "get", "/v1/trust/devices", "Devices invited or certified", trust_shapes.TrustedDevices),
    Operation("viewer", "get", "/v1/devices/{device}/certificates", "Its certificates", trust_shapes.CertificateList),
    Operation(
        "admin",
        "post",
        "/v1/devices/{device}/invitation",
        "A token for a device",
        trust_shapes.Invitation,
        trust_shapes.InvitationRequest,
    ),
    Operation("admin", "post", "/v1/devices/{device}/revocation", "End its certificates", trust_shapes.Revoked),
    Operation("public", "get", "/healthz", "Alive", None),
    Operation("public", "get", "/readyz", "Ready, and what is not", Readiness),
    Operation("viewer", "get", "/metrics", "Prometheus metrics", None),
    Operation("public", "get", "/openapi.json", "This description", None),
)
PAGES: Final = ("/", "/console", "/favicon.ico")
"""Open to all, too: pages and their files, which show nothing before somebody signed in."""
ACCESS: Final = {(one.method.upper(), one.path): one for one in OPERATIONS}
