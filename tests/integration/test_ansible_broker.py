"""What the role `broker` writes is a configuration that Debian's mosquitto starts with, and listens."""

import getpass
import shutil
import signal
import subprocess
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from cloud.trust.authority import Authority, key_pem
from cloud.trust.papers import Wanted
from tests.support.inventories import render, role_variables
from tests.support.ports import free_port, wait_for_port


def test_mosquitto_starts_with_what_the_role_writes(tmp_path: Path) -> None:
    port = free_port()
    _certify(tmp_path)
    variables = role_variables("broker") | {"broker_folder": str(tmp_path), "broker_port": port}
    (tmp_path / "acl").write_text(render("broker", "acl.j2", variables))
    whole = tmp_path / "mosquitto.conf"
    whole.write_text(
        f"user {getpass.getuser()}\npersistence_location {tmp_path}/\nlog_dest stderr\ninclude_dir {tmp_path}/conf.d\n"
    )
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d/afferent.conf").write_text(render("broker", "afferent.conf.j2", variables))
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin")
    assert program, "mosquitto is not installed: apt-get install mosquitto"
    broker = subprocess.Popen([program, "-c", str(whole)], stderr=subprocess.PIPE, text=True)
    try:
        wait_for_port(port)
        assert broker.poll() is None
    finally:
        broker.send_signal(signal.SIGTERM)
        _, said = broker.communicate(timeout=10)
    assert "Error" not in said


def _certify(folder: Path) -> None:
    """The authority's certificate and list, and the server's key and certificate, by the names that the role gives."""
    now_ms = time.time_ns() // 1_000_000
    authority = Authority(folder / "authority")
    authority.init(now_ms)
    key = ec.generate_private_key(ec.SECP256R1())
    issued = authority.sign(Wanted("server", "localhost", key.public_key(), 1, ["localhost"]), now_ms)
    (folder / "authority.pem").write_text(authority.pem())
    (folder / "crl.pem").write_text(authority.revocation_list())
    (folder / "server.key").write_bytes(key_pem(key))
    (folder / "server.pem").write_text(issued.pem)
