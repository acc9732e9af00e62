"""Where things are on a device by default. Imported by every command, so nothing else is."""

from pathlib import Path
from typing import Final

ROOT: Final = Path("/opt/afferent")
KEYS: Final = Path("/etc/afferent/release-keys.d")
STATE: Final = Path("/var/lib/afferent")
