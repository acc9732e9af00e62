"""Ansible's variables and templates without Ansible: enough of both to see what a role writes for an inventory."""

import functools
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import yaml  # type: ignore[import-untyped]
from jinja2 import meta
from jinja2.nativetypes import NativeEnvironment

from tests.conftest import ROOT

ANSIBLE = ROOT / "ansible"


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """YAML with `!vault`: what it holds stays closed."""


_Loader.add_constructor("!vault", lambda _loader, _node: "what the vault holds")


def read(path: Path) -> Any:
    """A YAML file of Ansible's."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a SafeLoader


def role_variables(role: str) -> dict[str, Any]:
    """What a role's own files say of its variables, not yet resolved."""
    folder = ANSIBLE / "roles" / role
    files = [path for path in (folder / "defaults/main.yml", folder / "vars/main.yml") if path.exists()]
    return {name: value for path in files for name, value in read(path).items()}


def example_variables(*names: str) -> dict[str, Any]:
    """Files of the example inventory, the later over the earlier; `group_vars/edge` is one."""
    found: dict[str, Any] = {}
    for name in names:
        found |= read(ANSIBLE / "inventories/example" / f"{name}.yml")
    return found


def resolve(name: str, variables: Mapping[str, Any]) -> Any:
    """One variable with every template in it resolved."""
    return _resolved(variables[name], variables)


def render(role: str, template: str, variables: Mapping[str, Any]) -> str:
    """A template of a role, as the module `template` writes it."""
    environment = _environment(role)
    source, _, _ = environment.loader.get_source(environment, template)  # type: ignore[union-attr]
    needed = meta.find_undeclared_variables(environment.parse(source))
    return environment.get_template(template).render({name: resolve(name, variables) for name in needed})


@functools.cache
def _environment(role: str) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ANSIBLE / "roles" / role / "templates"),
        trim_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - no HTML
    )
    _equip(environment)
    return environment


def _resolved(value: Any, variables: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: _resolved(one, variables) for key, one in value.items()}
    if isinstance(value, list):
        return [_resolved(one, variables) for one in value]
    if not isinstance(value, str) or "{{" not in value:
        return value
    environment = NativeEnvironment(undefined=jinja2.StrictUndefined)
    _equip(environment)
    needed = meta.find_undeclared_variables(environment.parse(value)) & variables.keys()
    return environment.from_string(value).render({name: resolve(name, variables) for name in needed})


def _equip(environment: jinja2.Environment) -> None:
    environment.filters["combine"] = _combine
    environment.filters["to_json"] = lambda value, ensure_ascii=True: json.dumps(value, ensure_ascii=ensure_ascii)
    environment.tests["match"] = lambda value, pattern: bool(re.match(pattern, value))


def _combine(value: dict[str, Any], *others: dict[str, Any], recursive: bool = False) -> dict[str, Any]:
    merged = dict(value)
    for other in others:
        for key, one in other.items():
            both = recursive and isinstance(one, dict) and isinstance(merged.get(key), dict)
            merged[key] = _combine(merged[key], one, recursive=True) if both else one
    return merged
