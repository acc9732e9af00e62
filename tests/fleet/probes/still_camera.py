"""A network camera that sees nothing move: `still_camera.py PORT FPS JPEG...` shows these in turns."""

import http.server
import sys
import time
from pathlib import Path
from typing import Final

_HEAD: Final = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"


class Camera(http.server.BaseHTTPRequestHandler):
    """Each client gets the pictures at the camera's rate."""

    pictures: tuple[bytes, ...] = ()
    interval_s = 0.1

    def do_GET(self) -> None:
        """Stream until the client leaves."""
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        due, number = time.monotonic(), 0
        while True:
            picture = self.pictures[number % len(self.pictures)]
            self.wfile.write(_HEAD % len(picture) + picture + b"\r\n")
            number, due = number + 1, due + self.interval_s
            time.sleep(max(0.0, due - time.monotonic()))

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def main(port: str, fps: str, *files: str) -> None:
    """Serve until ended."""
    Camera.pictures = tuple(Path(file).read_bytes() for file in files)
    Camera.interval_s = 1 / float(fps)
    http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Camera).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
