"""The parts that processes run, each put together from what it stands on."""

from functools import partial
from urllib.parse import urlsplit

from cloud.daemon.ground import Ground
from cloud.daemon.life import Part, tell_ready
from cloud.ingest.eraser import Eraser
from cloud.ingest.lookout import Lookout
from cloud.ingest.metrics import IngestMetrics, WorkMetrics
from cloud.ingest.service import Ingest
from cloud.ingest.tidier import Tidier
from cloud.objects.settings import S3Settings
from cloud.registry.catalogue import Catalogue
from cloud.store.accounts import Accounts
from cloud.store.doomed import DoomedObjects
from cloud.store.intake import Intake
from cloud.store.outgoing import Post
from cloud.store.queries import Queries
from cloud.store.remote import remote_over
from cloud.store.sign_ins import SignIns
from cloud.web.app import create_app
from cloud.web.deps import WebDeps
from cloud.web.server import WebServer

_DAY_S = 86_400.0


def ingest_of(ground: Ground) -> Ingest:
    """What takes in records and sends devices what is asked of them."""
    config = ground.config
    return Ingest(
        Intake(ground.database, rejected_limit=config.store.rejected_limit),
        config.broker,
        post=Post(ground.database),
        password=config.secret(config.broker.password_secret),
        uploads=ground.uploads,
        metrics=IngestMetrics(ground.registry),
        clock=ground.clock,
        rng=ground.rng,
    )


def state_of(ingest: Ingest | None) -> str:
    """Empty while records come in, or where taking them in is another process's work."""
    return "" if ingest is None or (ingest.connected and not ingest.store_detail) else "away"


def web_of(ground: Ground, ingest: Ingest | None) -> WebServer:
    """The API and the console. An `ingest` in the same process is woken, and asked whether it is well."""
    config, objects = ground.config, ground.config.objects
    redirect = isinstance(objects, S3Settings) and objects.redirect
    endpoint = urlsplit(objects.endpoint) if isinstance(objects, S3Settings) else urlsplit("")
    origin = f"{endpoint.scheme}://{endpoint.netloc}" if endpoint.netloc else "https:"
    deps = WebDeps(
        settings=config.web,
        queries=Queries(ground.database),
        remote=remote_over(ground.database),
        accounts=Accounts(ground.database),
        sign_ins=SignIns(ground.database),
        storage=ground.storage,
        catalogue=Catalogue(config.models_path),
        registry=ground.registry,
        clock=ground.clock,
        trust=ground.trust,
        ingest_state=partial(state_of, ingest),
        on_asked=ingest.wake if ingest else _nobody_to_wake,
        metrics_token=config.secret(config.web.metrics_token_secret),
        link_s=objects.link_s if isinstance(objects, S3Settings) and redirect else None,
        media_origin=origin if redirect else "",
    )
    return WebServer(
        create_app(deps),
        config.web,
        clock=ground.clock,
        rng=ground.rng,
        on_listening=tell_ready,
    )


def _nobody_to_wake() -> None:
    """Whoever sends is another process, and looks by itself."""


def work_of(ground: Ground) -> dict[str, Part]:
    """What is done now and then, and need not be done by whoever takes in or serves."""
    metrics, clock, objects = WorkMetrics(ground.registry), ground.clock, ground.config.objects
    eraser = Eraser(DoomedObjects(ground.database), ground.storage, metrics=metrics, clock=clock, rng=ground.rng)
    lookout = Lookout(remote_over(ground.database), metrics=metrics, clock=clock)
    parts: dict[str, Part] = {"eraser": eraser.run, "lookout": lookout.run}
    if isinstance(objects, S3Settings):
        older_than_s = objects.abandoned_days * _DAY_S
        parts["tidier"] = Tidier(ground.storage, metrics=metrics, clock=clock, older_than_s=older_than_s).run
    return parts
