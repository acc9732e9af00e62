"""Desired settings over the device's own: a merge patch (RFC 7396) of the sections that may be set from afar.

Pure, so that what would come of a patch is known before anything is taken. Cameras and sensors are lists in the
configuration and objects by id in a patch: a merge patch cannot name the element of a list.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from contract.errors import InvalidIdError, InvalidSettingsError
from contract.ids import check_id
from contract.remote import SETTABLE

BY_ID: Final = ("cameras", "sensors")
ROOT: Final = "$.settings"
_DEEPEST: Final = 16
_SOURCE: Final = ("url", "username", "verify_tls")
"""Where a source that signs in takes its secret to."""
_LOCAL: Final = ("argv", "path", "library", "files")
"""Programs, code and files of this machine."""
_NODES: Final = ("device", "port")
"""Cameras and boards that are plugged in."""
_PLUGGED_IN: Final = re.compile(r"auto|usb:.*|board:.*|/dev/(?!.*\.\.).*", re.DOTALL)


class SettingRefusedError(InvalidSettingsError):
    """A setting cannot be taken from afar; `path` is its place in the desired state."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


def patched(plain: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """`plain` (settings as in TOML) with `patch` over it; neither is changed. Null takes a setting back to its default.

    A camera or sensor that is not there is added at the end; null removes it. Raise `SettingRefusedError`.
    """
    result = dict(plain)
    for section, change in patch.items():
        path = f"{ROOT}.{section}"
        if section not in SETTABLE:
            raise SettingRefusedError(path, f"cannot be set from afar; what can is {', '.join(SETTABLE)}")
        if change is None:
            result.pop(section, None)
        elif section in BY_ID:
            result[section] = _by_id(plain.get(section, ()), change, path)
        else:
            result[section] = _merged(plain.get(section), change, path, depth=0)
    return result


def check_sources(own: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Raise `SettingRefusedError` where a patch would run a program, load a library, read a file, or name or carry off
    a secret of this device: of cameras and sensors those settings are as `own` has them."""
    for section in BY_ID:
        known = {one.get("id"): one for one in own.get(section, ())}
        for one in wanted.get(section, ()):
            _check_source(known.get(one["id"], {}), one, f"{ROOT}.{section}.{one['id']}")


def plain_of(settings: msgspec.Struct) -> dict[str, Any]:
    """Settings as they would stand in TOML: what has its default is left out, but for cameras and sensors as such."""
    plain = _plain_struct(settings)
    for section in BY_ID:
        if hasattr(settings, section):
            plain[section] = [_plain(one) | {"id": one.id} for one in getattr(settings, section)]
    return plain


def _by_id(plain: Any, change: Any, path: str) -> list[Any]:
    if not isinstance(change, dict):
        raise SettingRefusedError(path, 'must be an object by id, such as {"front": {"fps": 10}}')
    found: dict[str, Any] = {one["id"]: one for one in plain}
    for name, part in change.items():
        place = f"{path}.{name}"
        _check_name(name, place)
        if part is None:
            found.pop(name, None)
        elif not isinstance(part, dict):
            raise SettingRefusedError(place, "must be an object, or null to remove it")
        elif part.get("id", name) != name:
            raise SettingRefusedError(f"{place}.id", "an id is never changed")
        else:
            found[name] = {**_merged(found.get(name), part, place, depth=0), "id": name}
    return list(found.values())


def _check_name(name: str, place: str) -> None:
    try:
        check_id(name, "id")
    except InvalidIdError as error:
        raise SettingRefusedError(place[:120], str(error)) from error


def _merged(target: Any, patch: Any, path: str, *, depth: int) -> Any:
    """RFC 7396 section 2."""
    if depth > _DEEPEST:
        raise SettingRefusedError(path[:120], "no setting lies so deep")
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged(result.get(key), value, f"{path}.{key}", depth=depth + 1)
    return result


def _check_source(own: Mapping[str, Any], wanted: Mapping[str, Any], path: str) -> None:
    keys = {*_LOCAL, *(key for key in (*own, *wanted) if key.endswith("_secret"))}
    if any(key.endswith("_secret") for key in own):
        keys |= {*_SOURCE}
    for key in sorted(keys):
        if own.get(key) != wanted.get(key):
            raise SettingRefusedError(f"{path}.{key}", "is set on the device alone, in its edge.toml")
    for key in _NODES:
        if own.get(key) != wanted.get(key) is not None and not _PLUGGED_IN.fullmatch(str(wanted[key])):
            raise SettingRefusedError(f"{path}.{key}", "from afar this is a device below /dev/, or found by its id")
    if wanted.get("source") == "command" != own.get("source"):
        raise SettingRefusedError(f"{path}.source", "programs are set on the device alone, in its edge.toml")


def _plain_struct(settings: msgspec.Struct) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    config = settings.__struct_config__
    if config.tag_field:
        plain[config.tag_field] = config.tag
    for field in msgspec.structs.fields(settings):
        value = getattr(settings, field.name)
        if value != _default_of(field):
            plain[field.encode_name] = _plain(value)
    return plain


def _default_of(field: msgspec.structs.FieldInfo) -> Any:
    return field.default_factory() if callable(field.default_factory) else field.default


def _plain(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return _plain_struct(value)
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return msgspec.to_builtins(value)
