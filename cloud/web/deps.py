"""What the web side stands on, handed over as one struct by the composition root."""

from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from cloud.objects.storage import ObjectStorage
from cloud.registry.catalogue import Catalogue
from cloud.store.accounts import Accounts
from cloud.store.clock import Clock
from cloud.store.queries import Queries
from cloud.store.remote import Remote
from cloud.store.sign_ins import SignIns
from cloud.trust.desk import TrustDesk
from cloud.web.settings import WebSettings


@dataclass(frozen=True, kw_only=True)
class WebDeps:
    """Everything that a request may need."""

    settings: WebSettings
    queries: Queries
    remote: Remote
    accounts: Accounts
    sign_ins: SignIns
    storage: ObjectStorage
    catalogue: Catalogue
    registry: CollectorRegistry
    clock: Clock
    ingest_state: Callable[[], str]
    """Empty while records come in; otherwise why they do not."""
    on_asked: Callable[[], None] = lambda: None
    """Called when something was asked of a device, for a sender that lives in this process."""
    metrics_token: str | None = None
    link_s: int | None = None
    """Send players to the bucket by links valid this long; None passes the video through."""
    media_origin: str = ""
    """The bucket's origin, which the page may then play from."""
    trust: TrustDesk | None = None
    """Enrolment and revocation of devices; None where no authority is kept."""
