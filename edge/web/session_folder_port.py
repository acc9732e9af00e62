"""The folders of sessions as the LAN side needs them: `edge.affect.sessions.folder.service.SessionFolders`."""

from collections.abc import Sequence
from typing import BinaryIO, Literal, Protocol

FolderState = Literal["running", "closing", "whole"]


class FolderItem(Protocol):
    """A file of a folder, by its name below it."""

    @property
    def name(self) -> str:
        """With slashes, e.g. `video/front-20261121T080000000Z.mp4`."""
        ...

    @property
    def size_bytes(self) -> int:
        """What it takes now."""
        ...


class SessionFolderPort(Protocol):
    """Belongs to the event loop, but for `open_item`."""

    def folder_of(self, session_id: str) -> str | None:
        """What the folder of a session is called; None if it has none, or no more."""
        ...

    def state_of(self, session_id: str) -> FolderState | None:
        """How far it is."""
        ...

    async def items(self, session_id: str) -> Sequence[FolderItem]:
        """What is in it for people, by name. Raise `OSError` if the disk refuses."""
        ...

    async def is_sent(self, session_id: str) -> bool:
        """Whether every table of it is confirmed in object storage."""
        ...

    def open_item(self, session_id: str, item: str) -> BinaryIO:
        """A file of it, for reading; blocks, may be called in any thread. Raise `FileNotFoundError`."""
        ...
