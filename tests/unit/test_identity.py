"""A device's identity: killed anywhere it is the old one or the new, never a key without its certificate. S6.4"""

import os
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from contract.enrolment import Claim
from edge.core.errors import EdgeError, LinkError, RefusedError
from edge.identity import keys
from edge.identity.cli import Wish, enrol_here
from edge.identity.cloud import CloudDoor
from edge.identity.enrolling import Invitation, enrol, renew
from edge.identity.errors import IdentityDamagedError, IdentityNotKeptError
from edge.identity.examining import examine_identity
from edge.identity.folder import NAMES, Identity, IdentityFolder
from tests.support.clock import FakeClock
from tests.support.paper_cloud import DAY_MS, PaperCloud

GATE = "gate-1"


class Killed(BaseException):
    """As SIGKILL: nothing in the product catches it."""


@contextmanager
def killed_at(step: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Die before the `step`th change of the disk; the list tells which were done."""
    done: list[str] = []

    def dying(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if len(done) >= step:
                raise Killed(name)
            done.append(name)
            return real(*arguments, **options)

        return call

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", dying("fsync", os.fsync))
        patch.setattr(os, "mkdir", dying("mkdir", os.mkdir))
        for name in ("replace", "symlink_to"):
            patch.setattr(Path, name, dying(name, getattr(Path, name)))
        yield done


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here loses power."""
    monkeypatch.setattr(os, "fsync", lambda _handle: None)


@pytest.fixture
def cloud(tmp_path: Path) -> PaperCloud:
    return PaperCloud(tmp_path / "authority")


@pytest.fixture
def folder(tmp_path: Path) -> IdentityFolder:
    return IdentityFolder(tmp_path / "identity")


def invitation(cloud: PaperCloud) -> Invitation:
    return Invitation(cloud="https://cloud.example.org", token=cloud.token, device=GATE)


def usable(identity: Identity) -> bool:
    """Whether key and certificate belong together; raises if not."""
    ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(identity.certificate, identity.key)
    return True


def test_enrolment_leaves_a_private_key_and_the_names_that_people_look_for(
    cloud: PaperCloud, folder: IdentityFolder
) -> None:
    identity = enrol(invitation(cloud), folder, cloud)
    assert usable(identity)
    assert folder.read() == identity
    assert {name: (folder.path / name).read_bytes() for name in NAMES} == {
        name: (identity.folder / name).read_bytes() for name in NAMES
    }
    assert identity.key.stat().st_mode & 0o777 == 0o600
    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert not list(folder.path.glob("next*"))


def test_an_enrolment_that_was_killed_anywhere_is_repeated_with_the_same_token(
    cloud: PaperCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = 0
    while True:
        folder, mine = IdentityFolder(tmp_path / f"identity-{steps}"), cloud.forgetful()
        try:
            with killed_at(steps, monkeypatch) as done:
                enrol(invitation(mine), folder, mine)
            break
        except Killed:
            there = folder.read()
            assert there is None or usable(there)
        assert usable(enrol(invitation(mine), folder, mine)), done
        steps += 1
    assert steps > 15, done


def test_a_renewal_that_was_killed_anywhere_leaves_the_old_or_the_new(
    cloud: PaperCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = 0
    while True:
        folder, mine = IdentityFolder(tmp_path / f"identity-{steps}"), cloud.forgetful()
        old = enrol(invitation(mine), folder, mine)
        before = (old.key.read_bytes(), old.certificate.read_bytes())
        try:
            with killed_at(steps, monkeypatch) as done:
                renew(old, folder, mine, "")
            break
        except Killed:
            there = folder.read()
            assert there and usable(there)
            if there.folder == old.folder:
                assert (there.key.read_bytes(), there.certificate.read_bytes()) == before
        again = renew(there, folder, mine, "")
        assert usable(again), done
        assert again.key.read_bytes() != before[0]
        assert [path.name for path in folder.path.iterdir() if path.is_dir() and not path.is_symlink()] == [
            again.folder.name
        ]
        steps += 1
    assert steps > 10, done


def test_nothing_is_sent_before_the_key_is_durable(
    cloud: PaperCloud, folder: IdentityFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def claimed(*_: Any) -> Any:
        assert keys.is_key((folder.path / "next.pem").read_bytes())
        raise LinkError("cut off")

    monkeypatch.setattr(cloud, "claim", claimed)
    with pytest.raises(LinkError):
        enrol(invitation(cloud), folder, cloud)
    kept = folder.next_key()
    monkeypatch.undo()
    assert enrol(invitation(cloud), folder, cloud).key.read_bytes() == kept


def test_a_token_never_goes_to_whom_its_pin_does_not_name(
    cloud: PaperCloud, folder: IdentityFolder, tmp_path: Path
) -> None:
    impostor = PaperCloud(tmp_path / "impostor")
    with pytest.raises(RefusedError, match="another authority than the token is of"):
        enrol(invitation(cloud), folder, impostor)
    assert impostor.asked == 0
    with pytest.raises(RefusedError, match="copied whole"):
        enrol(Invitation(cloud="https://c", token="aff1.x", device=GATE), folder, cloud)  # noqa: S106


def test_the_token_is_sent_to_a_server_of_its_authority_alone(cloud: PaperCloud, folder: IdentityFolder) -> None:
    enrol(invitation(cloud), folder, cloud)
    assert cloud.trusted == [cloud.authority()]


def test_a_certificate_of_another_device_key_or_authority_is_not_taken(
    cloud: PaperCloud, folder: IdentityFolder, tmp_path: Path
) -> None:
    key, other = keys.make_key(), PaperCloud(tmp_path / "other")
    mine = cloud.claim(Claim(token=cloud.token, device=GATE, request=keys.request_of(key, GATE)), "")
    theirs = other.claim(Claim(token=other.token, device=GATE, request=keys.request_of(key, GATE)), "")
    pin = keys.pin_of(cloud.authority())
    assert keys.check(mine, key=key, device=GATE, pin=pin)
    for credentials, options in (
        (mine, {"key": keys.make_key()}),
        (mine, {"device": "gate-2"}),
        (theirs, {}),
    ):
        with pytest.raises(IdentityDamagedError):
            keys.check(credentials, **({"key": key, "device": GATE, "pin": pin} | options))  # type: ignore[arg-type]
    assert folder.read() is None


def test_the_command_spends_no_token_where_there_is_an_identity(
    cloud: PaperCloud, folder: IdentityFolder, tmp_path: Path
) -> None:
    enrol(invitation(cloud), folder, cloud)
    wish = Wish(cloud="https://cloud", from_file=str(tmp_path / "none"), device=GATE)
    assert enrol_here(wish, tmp_path, FakeClock()).startswith(f"Enrolled already as {GATE}, certified until 20")
    with pytest.raises(RefusedError, match="enrolled already, as gate-1"):
        enrol_here(Wish(cloud="https://cloud", from_file="-", device="gate-2"), tmp_path, FakeClock())
    with pytest.raises(RefusedError, match="none"):
        enrol_here(
            Wish(cloud="https://c", from_file=str(tmp_path / "none"), device=GATE, replace=True), tmp_path, FakeClock()
        )


@pytest.mark.parametrize("url", ["http://cloud", "cloud", "https://", "ftp://x", ""])
def test_only_https_is_spoken(url: str) -> None:
    with pytest.raises(RefusedError, match="begins with https"):
        CloudDoor(url, timeout_s=1)


def test_two_at_once_do_not_change_the_identity(folder: IdentityFolder) -> None:
    with folder.exclusive(), pytest.raises(RefusedError, match="renewed just now"), folder.exclusive():
        pass
    with folder.exclusive():
        pass


def test_the_doctor_sees_what_is_wrong(cloud: PaperCloud, folder: IdentityFolder) -> None:
    now = cloud.now_ms
    assert examine_identity(folder, GATE, now).fine
    identity = enrol(invitation(cloud), folder, cloud)
    assert examine_identity(folder, GATE, now).words.startswith("certified as gate-1 until ")
    assert "called gate-2" in examine_identity(folder, "gate-2", now).words
    assert "runs out" in examine_identity(folder, GATE, now + 85 * DAY_MS).words
    assert "ran out" in examine_identity(folder, GATE, now + 91 * DAY_MS).words
    identity.key.chmod(0o644)
    assert "others may read" in examine_identity(folder, GATE, now).words
    identity.key.write_bytes(keys.make_key())
    assert "cannot be used" in examine_identity(folder, GATE, now).words
    (identity.folder / "identity.json").write_text("{")
    found = examine_identity(folder, GATE, now)
    assert not found.fine
    assert "--replace" in found.remedy
    with pytest.raises(EdgeError):
        folder.read()


def test_an_authority_that_is_none_is_told_and_nothing_is_asked(tmp_path: Path) -> None:
    """What ssl raises is an OSError, and would end the daemon that renews."""
    door = CloudDoor("https://cloud.invalid", timeout_s=1)
    request = Claim(token="t", device="gate-1", request="r")  # noqa: S106 - none
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(LinkError, match="cannot be used"):
        door.claim(request, str(tmp_path / "ca.pem"))
    with pytest.raises(LinkError, match="cannot be used"):
        door.claim(request, "-----BEGIN CERTIFICATE-----\n")
    with pytest.raises(LinkError, match=r"none\.pem is missing"):
        door.claim(request, str(tmp_path / "none.pem"))


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "identity").touch()
    with pytest.raises(IdentityNotKeptError, match="identity"), IdentityFolder(tmp_path / "identity").exclusive():
        pass


@pytest.mark.parametrize("url", ["http://cloud.example", "https://", "https://[x/", "https://cloud.example:port"])
def test_what_is_no_address_of_a_cloud_is_refused(url: str) -> None:
    with pytest.raises(RefusedError, match="no address"):
        CloudDoor(url, timeout_s=1)
