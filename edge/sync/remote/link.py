"""What the publisher carries for remote hands over its connection: what comes in, and what it keeps told."""

from dataclasses import dataclass

from edge.sync.board import Board
from edge.sync.remote.door import Door


@dataclass(frozen=True, slots=True)
class RemoteLink:
    """`door` gets `desired` and `cmd/+`; what is on `board` is retained by the broker."""

    door: Door
    board: Board
