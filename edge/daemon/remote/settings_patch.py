"""From a desired patch to a whole configuration, or to the reason and the place why there is none."""

import re
from typing import Any, Final

from contract.errors import InvalidSettingsError
from contract.remote import SETTABLE
from contract.settings import decode_settings
from edge.config import EdgeConfig
from edge.daemon.remote.keeping import check_keeping
from edge.daemon.remote.overlay import BY_ID, ROOT, SettingRefusedError, check_sources, patched, plain_of

_PATH: Final = re.compile(r"^(?P<path>\$\S*): (?P<reason>.*)$", re.DOTALL)
_ELEMENT: Final = re.compile(r"^\$\.(?P<section>[a-z]+)\[(?P<index>\d+)\](?P<rest>.*)$")


def with_patch(config: EdgeConfig, patch: dict[str, Any]) -> EdgeConfig:
    """`config`, the device's own, with a desired patch over it; raise `SettingRefusedError` with the place in it."""
    own = plain_of(config)
    wanted = patched(own, patch)
    check_sources(own, wanted)
    try:
        result = decode_settings(wanted, EdgeConfig)
    except InvalidSettingsError as error:
        found = _PATH.match(str(error))
        path, reason = (found["path"], found["reason"]) if found else ("$", str(error))
        raise SettingRefusedError(_place(path, wanted), reason) from error
    check_keeping(config.retention, result.retention)
    return result


def settable_of(config: EdgeConfig) -> dict[str, Any]:
    """The sections that may be set from afar as they are in `config`, defaults left out, as a patch has them."""
    plain = plain_of(config)
    found = {section: plain[section] for section in SETTABLE if section in plain}
    for section in BY_ID:
        found[section] = {one["id"]: {key: one[key] for key in one if key != "id"} for one in plain.get(section, ())}
    return {section: value for section, value in found.items() if value != {}}


def _place(path: str, wanted: dict[str, Any]) -> str:
    """Of a place in the configuration that of a desired state: elements of lists by id."""
    found = _ELEMENT.match(path)
    if not found or found["section"] not in BY_ID:
        return f"{ROOT}{path.removeprefix('$')}"
    name = wanted[found["section"]][int(found["index"])]["id"]
    return f"{ROOT}.{found['section']}.{name}{found['rest']}"
