"""WebSockets that are refused quietly: what a stranger may cause is no error of ours.

uvicorn sends the HTTP answer that refuses a handshake, but takes the handshake for forgotten all the same and logs an
error each time. Whoever may knock could so fill the journal.
"""

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol


class QuietProtocol(WebSocketsSansIOProtocol):
    """Takes a handshake that was answered by a whole HTTP response for complete."""

    async def send(self, message: ASGISendEvent) -> None:
        """Send what the application says."""
        await super().send(message)
        if self.initial_response is not None and self.close_sent:
            self.handshake_complete = True
