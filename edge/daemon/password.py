"""The first password of the page: kept in a file that only the daemon's user reads, never in a log."""

import logging
import os
from pathlib import Path
from typing import Final

from edge.config import EdgeConfig
from edge.core.audit import AuditLog
from edge.core.clock import SystemClock
from edge.core.files import write_private
from edge.web.accounts import ADMIN
from edge.web.auth import Auth
from edge.web.passwords import PasswordFileError, matches

_FILE: Final = "first-password"
_log = logging.getLogger(__name__)


def auth_of(config: EdgeConfig) -> Auth:
    """Who may sign in, as kept in the state folder."""
    return Auth(config.state / "auth", clock=SystemClock(), session_days=config.web.session_days)


def ensure_password(config: EdgeConfig, auth: Auth) -> Path | None:
    """At the first start, make a password and keep it in a private file; return that file while it is there.

    Where none can be kept nobody can sign in, and all else goes on.
    """
    path = config.state / _FILE
    try:
        auth.ensure_password(lambda made: write_private(path, f"{made}\n".encode("ascii")))
    except (PasswordFileError, OSError) as error:
        _log.error("nobody can sign in: %s; make a new password with: afferent edge password --reset", error)
    return path if path.exists() else None


def page_password(config: EdgeConfig, *, reset: bool) -> str:
    """What `afferent edge password` prints: the first password, a new one, or how to get one."""
    path = config.state / _FILE
    if reset:
        config.state.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        made = auth_of(config).reset()
        log = AuditLog(config.state / "audit", clock=SystemClock())
        log.note(f"cli:{os.environ.get('SUDO_USER') or os.getuid()}", "console", "password reset", "account=admin")
        return made
    if path.exists() and (first := _still_good(config, path)):
        return first
    return (
        "The first password was replaced by another, which is kept nowhere, or this appliance never started. "
        "This makes a new one: afferent edge password --reset"
    )


def _still_good(config: EdgeConfig, path: Path) -> str:
    """The first password; empty, and its file gone, if another was chosen since."""
    first = path.read_text(encoding="ascii").strip()
    try:
        admin = auth_of(config).accounts.of(ADMIN)
    except PasswordFileError:
        return first
    if admin is not None and matches(admin.password, first):
        return first
    path.unlink(missing_ok=True)
    return ""
