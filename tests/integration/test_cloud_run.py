"""`cloud run` as a process: its first start, its end, SIGKILL in the middle, and its other commands."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from contract.codec import decode
from contract.messages import Ack
from tests.integration.test_cloud_ingest import Device
from tests.support.cloud import CloudProcess, cloud_process, prediction
from tests.support.mosquitto import Mosquitto, mosquitto
from tests.support.ports import free_port
from tests.support.postgres import running_postgres


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path / "broker") as found:
        yield found


@pytest.fixture
def cloud(tmp_path: Path, broker: Mosquitto) -> Iterator[CloudProcess]:
    with cloud_process(tmp_path / "cloud", f"[broker]\nport = {broker.port}", free_port()) as found:
        yield found


def test_the_first_start_keeps_a_password_that_no_log_has_and_sigterm_ends_it(cloud: CloudProcess) -> None:
    cloud.start()
    kept = cloud.config.parent / "first-password"
    password = cloud.command("user", "first-password").stdout.strip()
    assert password == kept.read_text(encoding="utf-8").strip()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert str(kept) in cloud.words()
    answer = httpx.post(f"{cloud.url}/v1/session", json={"name": "admin", "password": password})
    assert answer.status_code == 200
    assert "READY http://127.0.0.1:" in cloud.words()
    code, took_s = cloud.end()
    assert code == 0
    assert took_s < 10
    cloud.start()
    assert cloud.command("user", "first-password").stdout.strip() == password
    assert password not in cloud.words()
    assert password.encode() not in (cloud.config.parent / "cloud.db").read_bytes()


def test_a_replaced_first_password_is_kept_no_longer(cloud: CloudProcess) -> None:
    cloud.start()
    assert cloud.command("user", "add", "admin", "--replace", stdin="a long password\n").exit_code == 0
    assert not (cloud.config.parent / "first-password").exists()
    none = cloud.command("user", "first-password")
    assert (none.exit_code, none.stdout) == (1, "")
    assert "account password admin" in none.stderr


def test_where_no_password_can_be_kept_records_are_taken_all_the_same(cloud: CloudProcess) -> None:
    (cloud.config.parent / "first-password").mkdir()
    cloud.start()
    assert "nobody can sign in" in cloud.words()
    cloud.end()
    (cloud.config.parent / "first-password").rmdir()
    cloud.start()
    assert cloud.command("user", "first-password").stdout, "made at the next start"


def test_sigkill_in_the_middle_loses_and_doubles_nothing(tmp_path: Path, broker: Mosquitto) -> None:
    with running_postgres() as postgres:
        url = postgres.create("killed")
        settings = f'[store]\ndatabase_url = "{url}"\n[broker]\nport = {broker.port}'
        with cloud_process(tmp_path / "cloud", settings, free_port()) as cloud:
            device = Device(broker.port)
            try:
                _publish_through_kills(cloud, device)
            finally:
                device.close()
            token = cloud.command("token", "add", "admin", "--label", "test").stdout.strip()
            with httpx.Client(base_url=cloud.url, headers={"authorization": f"Bearer {token}"}) as client:
                page = client.get("/v1/predictions?limit=1000").json()
                assert sorted(one["seq"] for one in page["items"]) == list(range(1, 601))


def _publish_through_kills(cloud: CloudProcess, device: Device) -> None:
    cloud.start()
    for seq in range(1, 601):
        device.say(prediction(seq), seq)
        if seq in {200, 400}:
            cloud.end(signal.SIGKILL)
            cloud.start(ready=False)
    deadline = time.monotonic() + 60
    while device.acked < 600 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert device.acked == 600, cloud.words()


def test_a_database_that_is_not_there_yet_is_waited_for(tmp_path: Path, broker: Mosquitto) -> None:
    with running_postgres() as postgres:
        url = postgres.create("late")
        postgres.stop()
        settings = f'[store]\ndatabase_url = "{url}"\n[broker]\nport = {broker.port}'
        with cloud_process(tmp_path / "cloud", settings, free_port()) as cloud:
            try:
                cloud.start(ready=False)
                cloud.wait("/readyz", status=503)
                assert httpx.post(f"{cloud.url}/v1/session", json={"name": "a", "password": "b"}).status_code == 503
            finally:
                postgres.start()
            cloud.wait("/readyz")
            assert cloud.end()[0] == 0


def test_users_are_added_by_standard_input_alone(cloud: CloudProcess) -> None:
    assert cloud.command("migrate").stdout == "database at revision 0010\n"
    said = cloud.command("user", "add", "ada", stdin="a long password\n").stdout
    assert said == "account ada added as admin\n", "the name of before, and the first account"
    again = cloud.command("user", "add", "ada", stdin="another password\n")
    assert again.exit_code == 1
    assert "exists already" in again.stderr
    made = cloud.command("user", "add", "ada", "--replace", stdin="\n").stdout
    assert "password: " in made
    assert "10 characters" in cloud.command("user", "add", "bob", stdin="short\n").stderr
    assert "no account" in cloud.command("token", "add", "eve", "--label", "x").stderr


def test_a_wrong_setting_is_one_clear_line(cloud: CloudProcess) -> None:
    cloud.config.write_text("[web]\nport = 70000\n")
    done = cloud.refused()
    assert done.returncode == 2
    assert done.stderr.strip().endswith("$.web.port: must be <= 65535 (it is 70000)")
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ('state_dir = "{config}/state"', "$.state_dir"),
        ('[store]\ndatabase_url = "sqlite:///{config}/cloud.db"', "$.store.database_url"),
        ('[store]\ndatabase_url = "sqlite:nonsense"', "$.store.database_url"),
        ('[store]\ndatabase_url = "sqlite://"', "$.store.database_url"),
    ],
)
def test_a_place_where_nothing_can_be_is_one_clear_line(cloud: CloudProcess, settings: str, field: str) -> None:
    beside = "" if settings.startswith("state_dir") else f'state_dir = "{cloud.config.parent}"\n'
    cloud.config.write_text(beside + settings.format(config=cloud.config) + "\n", encoding="utf-8")
    done = cloud.refused()
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert field in done.stderr


def test_a_port_in_use_is_waited_for(cloud: CloudProcess, tmp_path: Path, broker: Mosquitto) -> None:
    cloud.start()
    port = int(cloud.url.rsplit(":", 1)[1])
    with cloud_process(tmp_path / "second", f"[broker]\nport = {broker.port}\nclient_id = 'two'", port) as second:
        second.start()
        deadline = time.monotonic() + 40
        while "cannot serve on" not in second.words() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert second.words().count("cannot serve on") == 1
        cloud.end()
        second.wait("/readyz")
        assert second.words().count("READY") == 1


def test_what_is_acked_is_json_of_the_contract(cloud: CloudProcess, broker: Mosquitto) -> None:
    cloud.start()
    device = Device(broker.port)
    try:
        device.say(prediction(1), 1)
        deadline = time.monotonic() + 40
        while not device.acks and time.monotonic() < deadline:
            time.sleep(0.05)
        assert (
            decode(json.dumps({"v": 1, "boot": device.acks[0].boot, "seq": 1, "highest": 1}).encode(), Ack)
            == device.acks[0]
        )
    finally:
        device.close()
