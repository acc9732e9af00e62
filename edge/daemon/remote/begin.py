"""The first thing that a run of the daemon does: find out with which settings it runs."""

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Final

from contract.remote import Desired
from edge.config import EdgeConfig
from edge.core.errors import StoreError
from edge.daemon.remote.folder import MOST_STARTS, DesiredFolder, refused_at
from edge.daemon.remote.overlay import SettingRefusedError
from edge.daemon.remote.settings_patch import with_patch

FOLDER: Final = "remote"
"""Within the state folder."""
_HOST: Final = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.ENOMEM, errno.ENFILE}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """`own` is what the device's file says, `config` what this run runs with. `trying` is the version of the desired
    state that is not in force yet and with which this run has to come up; 0 if there is none. `uncounted` is that of
    one with which no start could be counted, because the disk took nothing: it must not be restarted for.
    `put_aside` is what this start has refused: it did not come up, or fits no more."""

    own: EdgeConfig
    config: EdgeConfig
    folder: DesiredFolder
    trying: int = 0
    uncounted: int = 0
    put_aside: Desired | None = None


def begin(own: EdgeConfig) -> Beginning:
    """Take up the desired state: the one being taken, unless it failed too often, or else the one in force.

    Call it once in each run, after the state folder is held and before anything is made of the settings. What cannot
    be taken is put aside and named in the log; the device comes up with its own settings at the worst.
    """
    folder = DesiredFolder(own.state / FOLDER)
    known = [folder.in_force, folder.taking.desired if folder.taking else None]
    refused_before = folder.aside
    try:
        beginning = _try_taking(own, folder) or _with_in_force(own, folder)
    except OSError as error:
        _log.error("the desired state in %s cannot be worked with: %s", own.state / FOLDER, error)
        uncounted = folder.taking.desired.version if folder.taking else 0
        return Beginning(own=own, config=_in_force_or(own, folder), folder=folder, uncounted=uncounted)
    if folder.aside is None or folder.aside is refused_before:
        return beginning
    version = folder.aside.version
    return replace(beginning, put_aside=next((one for one in known if one and one.version == version), None))


@contextmanager
def blamed_rightly(beginning: Beginning) -> Iterator[None]:
    """Inside, a run that fails because of the host (its disk, its memory, the store) does not count against the desired
    state with which it was to come up: no other settings would have come up either."""
    try:
        yield
    except BaseException as error:
        taking = beginning.folder.taking
        if beginning.trying and taking and taking.desired.version == beginning.trying and _is_of_host(error):
            with suppress(OSError):  # then it counts, and the next one does not: see `begin`
                beginning.folder.forgive_start()
        raise


def _is_of_host(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return any(_is_of_host(each) for each in error.exceptions)
    if isinstance(error, OSError):
        return error.errno in _HOST
    return isinstance(error, StoreError | MemoryError)


def _try_taking(own: EdgeConfig, folder: DesiredFolder) -> Beginning | None:
    taking = folder.taking
    if taking is None:
        return None
    version = taking.desired.version
    if taking.starts >= MOST_STARTS:
        why = f"the appliance did not come up with it in {taking.starts} starts, so it was put aside"
        folder.refuse(version, [refused_at("$", why)])
        _log.error("desired state %d: %s", version, why)
        return None
    try:
        config = with_patch(own, taking.desired.settings)
    except SettingRefusedError as error:
        folder.refuse(version, [refused_at(error.path, error.reason)])
        _log.error("desired state %d is refused: %s", version, error)
        return None
    folder.count_start()
    _log.info("trying desired state %d, start %d of %d", version, taking.starts + 1, MOST_STARTS)
    return Beginning(own=own, config=config, folder=folder, trying=version)


def _with_in_force(own: EdgeConfig, folder: DesiredFolder) -> Beginning:
    if folder.in_force is None:
        return Beginning(own=own, config=own, folder=folder)
    try:
        config = with_patch(own, folder.in_force.settings)
    except SettingRefusedError as error:
        folder.refuse(folder.version, [refused_at(error.path, f"{error.reason} (the device's own settings changed)")])
        _log.error("the desired state that was in force fits no more: %s", error)
        config = own
    return Beginning(own=own, config=config, folder=folder)


def _in_force_or(own: EdgeConfig, folder: DesiredFolder) -> EdgeConfig:
    try:
        return with_patch(own, folder.in_force.settings) if folder.in_force else own
    except SettingRefusedError:
        return own
