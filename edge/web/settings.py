"""Settings of the LAN side, section `[web]`."""

from typing import Annotated, Literal

from msgspec import Meta, Struct


class WebSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the appliance is seen, by whom and how many at once."""

    host: Annotated[
        str, Meta(min_length=1, max_length=255, description="Address to listen on; 0.0.0.0 is every IPv4 interface.")
    ] = "0.0.0.0"  # noqa: S104 - looked at from other machines; all but S1 from open networks needs sign-in
    port: Annotated[
        int, Meta(ge=1, le=65535, description="TCP port; 8000 is where existing clients expect the camera.")
    ] = 8000
    open_networks: Annotated[
        tuple[str, ...],
        Meta(
            max_length=64,
            description="Networks in CIDR form whose clients may use the routes of existing programs, those for the "
            "camera and those for emotion, without sign-in.",
        ),
    ] = ("127.0.0.0/8", "::1/128")
    metrics_networks: Annotated[
        tuple[str, ...],
        Meta(max_length=64, description="Networks in CIDR form that may read /metrics without sign-in."),
    ] = ()
    trusted_proxies: Annotated[
        tuple[str, ...],
        Meta(
            max_length=16,
            description="Addresses or networks of reverse proxies whose X-Forwarded-For and X-Forwarded-Proto headers "
            "are believed.",
        ),
    ] = ()
    allowed_hosts: Annotated[
        tuple[str, ...],
        Meta(
            max_length=64,
            description="Host names by which the appliance may be addressed, beside IP addresses, localhost, the "
            "machine's own name and that name with .local.",
        ),
    ] = ()
    cors_origins: Annotated[
        tuple[str, ...],
        Meta(
            max_length=64,
            description="Web origins whose pages may use the routes of existing programs from a browser.",
        ),
    ] = ("http://localhost:3000", "http://localhost:3001", "http://localhost:5173", "http://localhost:8001")
    https: Annotated[
        Literal["auto", "off", "own", "files"],
        Meta(
            description="Whether to serve HTTPS: `own` with a certificate that the appliance signs itself and renews, "
            "`files` with tls_certificate and tls_key, `auto` like `files` where tls_certificate is set, else `off`."
        ),
    ] = "auto"
    redirect_port: Annotated[
        int,
        Meta(
            ge=0,
            le=65535,
            description="TCP port where plain HTTP is redirected to HTTPS, such as 80; 0 is none.",
        ),
    ] = 0
    hsts_days: Annotated[
        int,
        Meta(
            ge=0,
            le=730,
            description="Days for which browsers shall insist on HTTPS for this name, on all its ports; 0 does not ask "
            "them to. Told with certificates from files only.",
        ),
    ] = 0
    tls_certificate: Annotated[
        str,
        Meta(
            max_length=4096,
            description="Path of a PEM certificate chain; taken up within seconds when the file changes.",
        ),
    ] = ""
    tls_key: Annotated[
        str, Meta(max_length=4096, description="Path of the PEM private key that belongs to tls_certificate.")
    ] = ""
    max_viewers: Annotated[
        int, Meta(ge=1, le=1000, description="Live pictures sent at once, over all cameras; one more is refused.")
    ] = 64
    max_event_streams: Annotated[
        int, Meta(ge=1, le=1000, description="Event streams open at once; one more is refused.")
    ] = 64
    send_buffer_kib: Annotated[
        int,
        Meta(
            ge=64,
            le=8192,
            description="Bytes the kernel may hold for one client, in KiB; bounds what a slow viewer lags and costs.",
        ),
    ] = 512
    drop_stalled_after_s: Annotated[
        int, Meta(ge=1, le=3600, description="Seconds after which a client that takes nothing is disconnected.")
    ] = 60
    lost_after_s: Annotated[
        float,
        Meta(ge=0.5, le=60, description="Seconds without a frame after which viewers are shown NO LIVE VIDEO."),
    ] = 2.0
    live_overlay: Annotated[
        bool,
        Meta(
            description="Whether /live shows boxes, zones and the time drawn into the picture for clients that do not "
            "ask for either with ?overlay=1 or ?overlay=0; true for programs that expect boxes in the picture. "
            "Costs a decoding and an encoding of each frame while somebody watches so."
        ),
    ] = False
    overlay_quality: Annotated[
        int, Meta(ge=10, le=100, description="JPEG quality, 10 to 100, of the picture with the overlay.")
    ] = 80
    start_wait_s: Annotated[
        float, Meta(ge=0.5, le=60, description="Seconds that a start waits for the first frame before it fails.")
    ] = 8.0
    keep_snapshots: Annotated[
        int, Meta(ge=1, le=100_000, description="Snapshot files kept; the oldest is deleted for one more.")
    ] = 500
    session_days: Annotated[int, Meta(ge=1, le=365, description="Days after which a sign-in ends by itself.")] = 30
    participant_link_hours: Annotated[
        float, Meta(ge=0.1, le=720, description="Hours for which a link that lets a participant take part works.")
    ] = 12.0
    event_keepalive_s: Annotated[
        float, Meta(ge=1, le=300, description="Seconds between the keep-alive comments of a quiet event stream.")
    ] = 4.0
    shutdown_wait_s: Annotated[
        int, Meta(ge=1, le=60, description="Seconds that open requests have to end when the appliance stops.")
    ] = 3


def https_of(settings: WebSettings) -> Literal["off", "own", "files"]:
    """How HTTPS is served, if it is."""
    if settings.https == "auto":
        return "files" if settings.tls_certificate else "off"
    return settings.https
