"""A real mosquitto with the configuration and access list of docs/trust.md: issue 6, point 4."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud.trust.broker import _DEVICE_READS, _DEVICE_WRITES, SERVICE_SIGN
from contract.topics import RECORD_LEAVES, topic
from edge.core.errors import LinkError
from edge.identity.folder import About, IdentityFolder
from edge.sync.probe import probe_broker
from edge.sync.settings import BrokerSettings
from edge.sync.tls import Shown, broker_tls
from tests.support.trust import MutualBroker, Paper, Papers, talking

_NO = "Not authorized"


@pytest.fixture
def papers(tmp_path: Path) -> Papers:
    return Papers(tmp_path)


@pytest.fixture
def broker(papers: Papers, tmp_path: Path) -> Iterator[MutualBroker]:
    server = papers.sign("localhost", "server").shown
    running = MutualBroker(tmp_path / "broker", authority=papers.authority.folder, server=server)
    running.start()
    try:
        yield running
    finally:
        running.stop()


def refusal(port: int, paper: Paper | None, ca_file: str) -> str:
    """Why the broker does not take a device, in the doctor's words."""
    shown = paper.shown if paper else Shown()
    settings = BrokerSettings(
        host="localhost",
        port=port,
        tls=True,
        ca_file=ca_file,
        client_certificate=shown.certificate,
        client_key=shown.key,
    )
    with pytest.raises(LinkError) as caught:
        probe_broker(settings, Path("/nonexistent"), 20.0)
    return str(caught.value)


def test_a_device_publishes_its_own_leaves_and_nothing_else(papers: Papers, broker: MutualBroker) -> None:
    """Mosquitto answers what is forbidden and then hangs up, so each is tried over a connection of its own."""
    gate = papers.sign("gate-1")
    with talking(broker.port, gate) as talker:
        own = {leaf: talker.publish(topic("gate-1", leaf)) for leaf in _DEVICE_WRITES}
    assert _NO not in own.values(), own
    forbidden = [topic("gate-2", leaf) for leaf in ("status", "events", "requests", "reported")]
    forbidden += [topic("gate-1", leaf) for leaf in ("ack", "replies", "desired", "cmd/c-1", "cmd/c-1/result")]
    forbidden += ["afferent/v2/gate-1/events", "afferent/v1", "afferent/v1/gate-1", "events/gate-1"]
    for name in forbidden:
        with talking(broker.port, gate) as talker:
            assert talker.publish(name) == _NO, name


def test_a_device_hears_what_is_meant_for_it_and_nothing_else(papers: Papers, broker: MutualBroker) -> None:
    service = papers.sign(f"{SERVICE_SIGN}ingest", "client")
    with (
        talking(broker.port, service) as cloud,
        talking(broker.port, papers.sign("gate-1")) as one,
        talking(broker.port, papers.sign("gate-2")) as two,
    ):
        for wish in ("#", "afferent/v1/+/ack", "$share/x/afferent/v1/+/events", topic("gate-1", "events")):
            two.subscribe(wish)
        for leaf in _DEVICE_READS:
            one.subscribe(topic("gate-1", leaf))
        for leaf in ("ack", "replies", "desired", "cmd/c-1"):
            assert cloud.publish(topic("gate-1", leaf), leaf.encode()) != _NO
        one.publish(topic("gate-1", "events"))
        assert cloud.publish(topic("gate-2", "ack"), b"the last") != _NO
        assert {payload for _, payload in one.wait_heard(4)} == {b"ack", b"replies", b"desired", b"cmd/c-1"}
        assert {name for name, _ in two.wait_heard(1)} == {topic("gate-2", "ack")}


def test_the_cloud_hears_every_device_also_by_a_shared_subscription(papers: Papers, broker: MutualBroker) -> None:
    with (
        talking(broker.port, papers.sign(f"{SERVICE_SIGN}ingest", "client")) as cloud,
        talking(broker.port, papers.sign("gate-1")) as gate,
    ):
        for leaf in (*RECORD_LEAVES, "status", "requests", "reported"):
            cloud.subscribe(f"$share/ingest/afferent/v1/+/{leaf}")
        told = [*RECORD_LEAVES, "status", "requests", "reported"]
        for leaf in told:
            gate.publish(topic("gate-1", leaf))
        assert sorted(name for name, _ in cloud.wait_heard(len(told))) == sorted(topic("gate-1", leaf) for leaf in told)
        assert cloud.publish(topic("gate-1", "events")) == _NO


def test_a_device_cannot_end_anothers_session_by_taking_its_client_id(papers: Papers, broker: MutualBroker) -> None:
    with (
        talking(broker.port, papers.sign("gate-1"), client_id="gate-1") as one,
        talking(broker.port, papers.sign("gate-2"), client_id="gate-1") as two,
    ):
        assert not one.ended.wait(0.3)
        assert one.publish(topic("gate-1", "events")) != _NO
        assert two.publish(topic("gate-1", "events")) == _NO


def test_who_is_not_admitted_hears_why(papers: Papers, broker: MutualBroker, tmp_path: Path) -> None:
    stranger = Papers(tmp_path / "stranger").sign("gate-1")
    expired = papers.sign("gate-1", days=1, ago_days=2)
    serving = papers.sign("gate-3", "server")
    assert "asks for a certificate and we show none: afferent edge enrol" in refusal(broker.port, None, papers.ca_file)
    assert "which ran out" in refusal(broker.port, expired, papers.ca_file)
    assert "not meant for a client" in refusal(broker.port, serving, papers.ca_file)
    assert "enrol --replace" in refusal(broker.port, stranger, papers.ca_file)
    assert "shows a certificate that is not trusted" in refusal(
        broker.port, papers.sign("gate-1"), stranger.shown.authority
    )


def test_a_revoked_device_is_refused_after_a_reload_and_cut_off_by_a_restart(
    papers: Papers, broker: MutualBroker
) -> None:
    """What mosquitto 2.0 does: SIGHUP reads the list again for new connections; only a restart ends open ones."""
    bad, good = papers.sign("gate-1"), papers.sign("gate-2")
    with talking(broker.port, bad) as open_one:
        papers.revoke(bad)
        broker.take_up_list()
        assert "which was revoked: afferent edge enrol --replace" in refusal(broker.port, bad, papers.ca_file)
        assert not open_one.ended.is_set()
        with talking(broker.port, good) as other:
            assert other.publish(topic("gate-2", "events")) != _NO
        broker.restart()
        assert open_one.ended.wait(30)
    assert "which was revoked" in refusal(broker.port, bad, papers.ca_file)
    renewed = papers.sign("gate-1", label="gate-1-anew")
    papers.revoke(papers.sign("gate-9"))  # a second list within the same second is taken up as well
    broker.take_up_list()
    with talking(broker.port, renewed) as back:
        assert back.publish(topic("gate-1", "events")) != _NO


def test_a_servers_next_certificate_is_taken_up_by_a_reload(papers: Papers, broker: MutualBroker) -> None:
    gate, serials = papers.sign("gate-1"), []
    for _ in range(2):
        context = broker_tls("", gate.shown)
        with (
            socket.create_connection(("localhost", broker.port)) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as talk,
        ):
            serials.append((talk.getpeercert() or {})["serialNumber"])
        broker.serve_with(papers.sign("localhost", "server", label="next").shown)
    assert serials[0] != serials[1]


def test_the_doctor_leaves_the_session_of_the_appliance_alone(
    papers: Papers, broker: MutualBroker, tmp_path: Path
) -> None:
    paper = papers.sign("gate-1")
    about = About(device="gate-1", cloud="https://cloud", pin="0" * 64, begins_ms=0, expires_ms=1)
    IdentityFolder(tmp_path / "identity").take(
        key=Path(paper.shown.key).read_bytes(),
        certificate=paper.issued.pem,
        authority=papers.authority.pem(),
        about=about,
    )
    settings = BrokerSettings(host="localhost", port=broker.port, tls=True)
    with talking(broker.port, paper, client_id="gate-1") as appliance:
        said = probe_broker(settings, tmp_path, 20.0, tmp_path / "identity")
        assert said == f"localhost:{broker.port} takes our certificate and speaks MQTT"
        assert not appliance.ended.wait(0.3)


def test_the_list_is_one_that_openssl_reads(papers: Papers) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_verify_locations(papers.authority.folder / "crl.pem")
