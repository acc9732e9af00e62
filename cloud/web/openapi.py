"""The API's own description, made from the structs that it answers with."""

from typing import Any, Final

import msgspec

from cloud.web.api import OPERATIONS, Operation
from cloud.web.problems import Problem

_REF: Final = "#/components/schemas/{name}"


_PARAMETERS: Final = {
    "device": "only of this device",
    "from": "from this moment on: RFC 3339 or milliseconds since 1970",
    "to": "up to but without this moment",
    "limit": "rows of a page, 1 to 1000; 100 if absent",
    "session": "only of this session: of recordings, files and predictions",
    "after": "cursor that the page before gave",
}
_OWN: Final = {
    "person": "the name of the person on that device",
    "state": "only devices that are online, offline or unknown",
    "name": "only devices with this in their names",
    "attention": "true for only those that somebody should look at",
}
"""Of single operations. What changes something needs them."""


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
        "description": _who(operation),
        "x-access": operation.access,
        "parameters": _parameters(operation),
        "responses": {"200": done, "default": problem},
    }
    if operation.body:
        found["requestBody"] = {"required": True, "content": _content(operation.body)}
    if operation.access == "public":
        found["security"] = []
    elif operation.in_person:
        found["security"] = [{"session": []}]
    return found


def _who(operation: Operation) -> str:
    if operation.access == "public":
        return "Open to everybody."
    own = " A member gets what is of the persons that their account is tied to." if operation.access == "member" else ""
    person = " In person: a program's token does not do." if operation.in_person else ""
    return f"Needs the role {operation.access}.{own if not operation.in_person else ''}{person}"


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
    must = operation.method != "get"
    found += [
        {"name": name, "in": "query", "required": must, "description": _OWN[name], "schema": {"type": "string"}}
        for name in operation.query
    ]
    return found


def _content(kind: type, media: str = "application/json") -> dict[str, Any]:
    return {media: {"schema": {"$ref": _REF.format(name=kind.__name__)}}}
