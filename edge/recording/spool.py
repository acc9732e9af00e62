"""The folder of recordings: what lies in it, in which state, and every durable step between two states."""

from pathlib import Path


class Spool:
    """One folder with a sub-folder for each camera. Shared by the recorders of all cameras; its methods block."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
