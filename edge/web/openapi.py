"""OpenAPI 3.1 from the table of routes and the types of their answers: it cannot tell anything else than they do."""

import re
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec

from edge.web.access import Access, least_role
from edge.web.endpoint import WEBSOCKET, Endpoint, Query
from edge.web.problem import Problem

_JSON: Final = "application/json"
_REF: Final = "#/components/schemas/{name}"
_PLACEHOLDER: Final = re.compile(r"\{(?P<name>[a-z_]+)(?::path)?\}")
_SECURITY: Final[dict[Access, list[dict[str, list[str]]]]] = {
    Access.PUBLIC: [{}],
    Access.OPEN_NETWORKS: [{}, {"cookie": []}, {"bearer": []}],
    Access.OPEN_OR_OWN: [{}, {"cookie": []}, {"bearer": []}],
    Access.OWN: [{"cookie": []}, {"bearer": []}],
    Access.METRICS: [{}, {"cookie": []}, {"bearer": []}],
    Access.SIGNED_IN: [{"cookie": []}, {"bearer": []}],
    Access.ACCOUNT: [{"cookie": []}, {"bearer": []}],
    Access.ADMIN: [{"cookie": []}, {"bearer": []}],
}


def describe(endpoints: Sequence[Endpoint], *, version: str, cookie: str) -> dict[str, Any]:
    """The document. A WebSocket is described as the GET that opens it."""
    known = [endpoint for endpoint in endpoints if endpoint.documented]
    types = [Problem, *_types(known)]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    schema_of = dict(zip(map(_key, types), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in known:
        method = "get" if endpoint.method == WEBSOCKET else endpoint.method.lower()
        operations = paths.setdefault(_PLACEHOLDER.sub(r"{\g<name>}", endpoint.path), {})
        operations[method] = _operation(endpoint, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Afferent, edge", "version": version, "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "cookie": {"type": "apiKey", "in": "cookie", "name": cookie},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _operation(endpoint: Endpoint, schema_of: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "summary": endpoint.summary,
        "security": _SECURITY[endpoint.access],
        "parameters": [*_path_parameters(endpoint.path), *map(_query_parameter, endpoint.queries)],
        "responses": _responses(endpoint, schema_of),
    }
    if endpoint.access is not Access.PUBLIC:
        told["x-least-role"] = least_role(endpoint.access, changes=endpoint.changes)
    if endpoint.body is not None:
        told["requestBody"] = {"required": True, "content": _content(_JSON, schema_of[_key(endpoint.body)])}
    elif endpoint.upload:
        told["requestBody"] = {"required": True, "content": _content(endpoint.upload, None)}
    return told


def _responses(endpoint: Endpoint, schema_of: dict[str, Any]) -> dict[str, Any]:
    failures = {
        str(status): {"description": HTTPStatus(status).phrase, "content": _content(_JSON, schema_of[_key(kind)])}
        for status, kind in endpoint.failures.items()
    }
    otherwise = {
        "description": "What went wrong (RFC 9457)",
        "content": _content("application/problem+json", schema_of[_key(Problem)]),
    }
    return {**_success(endpoint, schema_of), **failures, "default": otherwise}


def _success(endpoint: Endpoint, schema_of: dict[str, Any]) -> dict[str, Any]:
    if endpoint.method == WEBSOCKET:
        return {"101": {"description": f"Messages follow: {endpoint.summary}"}}
    told: dict[str, Any] = {"description": endpoint.summary}
    if endpoint.status != HTTPStatus.NO_CONTENT:
        told["content"] = _content(endpoint.media, schema_of.get(_key(endpoint.answer)))
    return {str(int(endpoint.status)): told}


def _content(media: str, schema: Any | None) -> dict[str, Any]:
    return {media: {"schema": schema} if schema is not None else {}}


def _types(endpoints: Iterable[Endpoint]) -> list[Any]:
    found = (kind for endpoint in endpoints for kind in (endpoint.answer, endpoint.body, *endpoint.failures.values()))
    return list({_key(kind): kind for kind in found if kind is not None}.values())


def _key(kind: Any) -> str:
    return repr(kind)


def _path_parameters(path: str) -> list[dict[str, Any]]:
    names = (match["name"] for match in _PLACEHOLDER.finditer(path))
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _query_parameter(query: Query) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if query.kind is int:
        schema = {"type": "integer", "minimum": query.least, "maximum": query.most}
    if query.default is not None:
        schema["default"] = query.default
    return {"name": query.name, "in": "query", "description": query.about, "schema": schema}
