"""A network camera over real RTSP, by GStreamer; run by Debian's own Python, which has its bindings.

Arguments: port, codec (h264, h265 or jpeg), pictures a second, and a user and a password if it is to ask for them.
"""

import sys

import gi  # type: ignore[import-not-found,unused-ignore]

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # type: ignore[import-not-found,unused-ignore] # noqa: E402

_ENCODERS = {
    "h264": "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=5 bitrate=600 ! rtph264pay name=pay0 pt=96",
    "h265": "x265enc tune=zerolatency speed-preset=ultrafast key-int-max=5 bitrate=600 ! rtph265pay name=pay0 pt=96",
    "jpeg": "jpegenc ! rtpjpegpay name=pay0 pt=26",
}


def main(port: str, codec: str, fps: str, user: str = "", password: str = "") -> None:
    """Serve `/stream` on loopback until killed."""
    Gst.init(None)
    server = GstRtspServer.RTSPServer.new()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory.new()
    size = "video/x-raw,format=I420,width=320,height=240"
    factory.set_launch(
        f"( videotestsrc is-live=true pattern=ball background-color=0xff406080 ! {size},framerate={fps}/1"
        f" ! {_ENCODERS[codec]} )"
    )
    factory.set_shared(True)
    if user:
        _ask_for(server, factory, user, password)
    server.get_mount_points().add_factory("/stream", factory)
    if not server.attach(None):
        sys.exit(f"port {port} is in use")
    GLib.MainLoop().run()


def _ask_for(server: object, factory: object, user: str, password: str) -> None:
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtspServer.RTSPAuth.get_supported_methods(auth))
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "user")
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)  # type: ignore[attr-defined]
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("user", "media.factory.access", True)
    permissions.add_permission_for_role("user", "media.factory.construct", True)
    factory.set_permissions(permissions)  # type: ignore[attr-defined]


if __name__ == "__main__":
    main(*sys.argv[1:])
