"""What the documentation and the API's own description say about who may do what, against the table itself."""

import pytest

from cloud.store.roles import ROLES
from cloud.web.api import ACCESS, OPERATIONS
from cloud.web.openapi import describe
from tests.conftest import ROOT


def _lines() -> list[str]:
    """The table of routes as docs/fleet-api.md has it."""
    found = ["| route | what | who |", "|---|---|---|"]
    for one in OPERATIONS:
        who: str = "everybody" if one.access == "public" else one.access
        who += ", in person" if one.in_person else ""
        found.append(f"| `{one.method.upper()} {one.path}` | {one.summary} | {who} |")
    return found


def test_the_page_about_the_api_has_every_route_with_who_may() -> None:
    page = (ROOT / "docs" / "fleet-api.md").read_text(encoding="utf-8")
    table = "\n".join(_lines())
    assert table in page, f"docs/fleet-api.md should have:\n{table}"


def test_no_operation_stands_there_twice() -> None:
    assert len(ACCESS) == len(OPERATIONS)


@pytest.mark.parametrize("role", ["public", *ROLES])
def test_the_description_says_who_may(role: str) -> None:
    paths = describe("1.2.3")["paths"]
    mine = [one for one in OPERATIONS if one.access == role]
    assert mine
    for one in mine:
        said = paths[one.path][one.method]
        assert said["x-access"] == role
        assert ("everybody" if role == "public" else f"role {role}") in said["description"]
        assert (said.get("security") == []) is (role == "public")


def test_the_description_says_what_else_stands_in_the_query() -> None:
    """A person's name stands in no path: `..` and `/` mean something else there."""
    said = describe("1.2.3")["paths"]["/v1/accounts/{account}/people/{device}"]
    for method in ("put", "delete"):
        (found,) = [one for one in said[method]["parameters"] if one["in"] == "query"]
        assert (found["name"], found["required"]) == ("person", True)


def test_what_changes_the_fleet_is_nobody_s_below_an_operator() -> None:
    """Written out once more by hand, so that one wrong word in the table is seen."""
    own = {("post", "/v1/tokens"), ("put", "/v1/session/password"), ("post", "/v1/session"), ("delete", "/v1/session")}
    door = {("post", "/v1/enrolments/claim"), ("post", "/v1/certificates/renew")}
    operators = {
        ("put", "/v1/devices/{device}/desired"),
        ("post", "/v1/devices/{device}/commands"),
        ("post", "/v1/devices/{device}/commands/{command}/cancel"),
        ("post", "/v1/devices/commands"),
    }
    changes = {(one.method, one.path): one.access for one in OPERATIONS if one.method != "get"}
    assert {place for place, access in changes.items() if access == "operator"} == operators
    assert {place for place, access in changes.items() if access == "admin"} == changes.keys() - operators - own - door
    members = {one.path.split("/")[2] for one in OPERATIONS if one.access == "member" and one.method == "get"}
    assert members == {"predictions", "recordings", "files"}
    public = {one.path for one in OPERATIONS if one.access == "public" and one.method == "get"}
    assert not any(path.startswith(("/v1/devices", "/v1/commands", "/v1/audit", "/metrics")) for path in public)
