"""Settings of the API and the console, section `[web]`, and of processes without them, section `[processes]`."""

from typing import Annotated

from msgspec import Meta, Struct


class WebSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the cloud is seen, and for how long a sign-in lasts."""

    host: Annotated[
        str, Meta(min_length=1, max_length=255, description="Address to listen on; 0.0.0.0 is every IPv4 interface.")
    ] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="TCP port; 0 takes any free one.")] = 8080
    tls_certificate: Annotated[
        str, Meta(max_length=4096, description="Path of a PEM certificate chain; empty serves plain HTTP.")
    ] = ""
    tls_key: Annotated[
        str, Meta(max_length=4096, description="Path of the PEM private key that belongs to tls_certificate.")
    ] = ""
    trusted_proxies: Annotated[
        tuple[str, ...],
        Meta(
            max_length=16,
            description="Addresses or networks of reverse proxies whose X-Forwarded-For and X-Forwarded-Proto headers "
            "are believed.",
        ),
    ] = ()
    session_days: Annotated[int, Meta(ge=1, le=365, description="Days after which a sign-in ends by itself.")] = 30
    metrics_token_secret: Annotated[
        str,
        Meta(
            description="Name of the secret that a scraper presents as bearer token for /metrics; empty needs a user."
        ),
    ] = ""
    shutdown_wait_s: Annotated[
        int, Meta(ge=1, le=60, description="Seconds that open requests have to end when the cloud stops.")
    ] = 3


class ProcessSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where `afferent cloud ingest` and `afferent cloud worker` are watched; `run` and `serve` show it at `[web]`."""

    host: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=255,
            description="Address on which ingest and worker answer /healthz, /readyz and /metrics, without a sign-in.",
        ),
    ] = "127.0.0.1"
    ingest_port: Annotated[int, Meta(ge=0, le=65535, description="TCP port of `ingest` for that; 0 has none.")] = 8081
    worker_port: Annotated[int, Meta(ge=0, le=65535, description="TCP port of `worker` for that; 0 has none.")] = 8082
