"""Settings from plain data to frozen structs, with messages that name the path, the bound and the value."""

import re
from typing import Any, Final, TypeVar

import msgspec

from contract.errors import InvalidSettingsError

_T = TypeVar("_T")
_AT: Final = re.compile(r"^(?P<what>.*?) - at `(?P<path>\$.*)`$", re.DOTALL)
_STEP: Final = re.compile(r"\.(?P<key>[A-Za-z_][A-Za-z0-9_]*)|\[(?P<index>\d+)\]")
_WORDS: Final = (
    (re.compile(r"Expected `(?:int|float)` (?P<op>[<>]=?) (?P<bound>\S+)"), "must be {op} {bound}"),
    (
        re.compile(r"Object contains unknown field `(?P<name>.*)`"),
        "unknown setting {name!r}; see docs/configuration.md, and of the cloud docs/configuration-cloud.md",
    ),
    (re.compile(r"Object missing required field `(?P<name>.*)`"), "setting {name!r} is missing"),
    (re.compile(r"Expected `(?P<kind>.*)`, got `(?P<got>.*)`"), "must be {kind}, not {got}"),
    (re.compile(r"Invalid value '(?P<value>.*)'"), "{value!r} is none of the allowed words"),
)


def decode_settings(raw: dict[str, Any], kind: type[_T]) -> _T:
    """Turn plain TOML data into `kind`, a frozen struct; raise `InvalidSettingsError` naming path, bound and value."""
    try:
        return msgspec.convert(raw, type=kind)
    except msgspec.ValidationError as error:
        raise InvalidSettingsError(_explain(str(error), raw)) from error


def _explain(message: str, raw: dict[str, Any]) -> str:
    found = _AT.match(message)
    what, path = (found["what"], found["path"]) if found else (message, "$")
    value = _value_at(raw, path)
    shown = f" (it is {value!r:.80})" if isinstance(value, str | int | float | bool) else ""
    return f"{path}: {_in_words(what)}{shown}"


def _in_words(what: str) -> str:
    for pattern, words in _WORDS:
        found = pattern.search(what)
        if found:
            return words.format(**found.groupdict())
    return what[:1].lower() + what[1:]


def _value_at(raw: Any, path: str) -> Any:
    for step in _STEP.finditer(path):
        key, index = step["key"], step["index"]
        if key and isinstance(raw, dict):
            raw = raw.get(key)
        elif index and isinstance(raw, list) and int(index) < len(raw):
            raw = raw[int(index)]
        else:
            return None
    return raw
