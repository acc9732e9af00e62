"""The script that prepares a Raspberry Pi: what it says it does, twice is once, and other people's lines stay."""

import importlib.util
import io
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import ROOT

SCRIPT = ROOT / "firmware-config/raspberry-pi/apply.py"
CONFIG = "# theirs\ndtparam=i2c_arm=on\n[pi4]\narm_boost=1\n"
CMDLINE = "console=serial0,115200 console=tty1 root=PARTUUID=ab-02 rootfstype=ext4 fsck.repair=yes rootwait\n"
FSTAB = "proc /proc proc defaults 0 0\nPARTUUID=ab-02 / ext4 defaults,noatime 0 1\n"


def _script() -> Any:
    spec = importlib.util.spec_from_file_location("pi_apply", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["pi_apply"] = module
    spec.loader.exec_module(module)
    return module


apply = _script()


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """A card with Raspberry Pi OS, as far as this matters."""
    for name, text in (
        ("boot/firmware/config.txt", CONFIG),
        ("boot/firmware/cmdline.txt", CMDLINE),
        ("etc/fstab", FSTAB),
        ("usr/lib/systemd/system-generators/zram-generator", ""),
        ("usr/share/initramfs-tools/scripts/init-bottom/overlayroot", ""),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("options", [[], ["--uart"], ["--data"], ["--uart", "--read-only"]])
def test_a_check_tells_what_applying_does_and_a_second_run_does_nothing(card: Path, options: list[str]) -> None:
    before = _files(card)
    checked = _run(card, "--check", *options)
    assert checked.returncode == 1
    assert _files(card) == before
    applied = _run(card, *options)
    assert applied.returncode == 0
    told = {line.split(" /")[1] for line in checked.stdout.splitlines()}
    after = _files(card)
    assert told == {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert told == {line.split(" /")[1] for line in applied.stdout.splitlines() if line.startswith("changed")}
    again, check = _run(card, *options), _run(card, "--check", *options)
    assert (again.returncode, again.stdout) == (check.returncode, check.stdout) == (0, "Nothing to change.\n")
    assert _files(card) == after


def test_what_is_no_more_wanted_goes_and_what_others_wrote_stays(card: Path) -> None:
    _run(card)
    plain = _files(card)
    _run(card, "--uart", "--read-only")
    _run(card)
    after = _files(card)
    consoles = {"boot/firmware/cmdline.txt"}
    assert {name for name in plain if plain[name] != after.get(name)} <= consoles
    assert "overlayroot" not in after["boot/firmware/cmdline.txt"]
    assert after["etc/fstab"] == FSTAB
    assert after["boot/firmware/config.txt"].startswith(CONFIG)


def test_the_boot_files_say_what_they_should(card: Path) -> None:
    _run(card, "--uart", "--read-only")
    words = (card / "boot/firmware/cmdline.txt").read_text(encoding="utf-8").split()
    assert {"cgroup_enable=memory", "overlayroot=tmpfs:recurse=0", "root=PARTUUID=ab-02", "console=tty1"} <= set(words)
    assert "console=serial0,115200" not in words
    lines = (card / "boot/firmware/config.txt").read_text(encoding="utf-8").splitlines()
    assert lines.index("[all]") < lines.index("include afferent.txt") < lines.index("include afferent-uart.txt")
    assert lines.index("[pi4]") < lines.index("[all]")
    for file in ("afferent.txt", "afferent-uart.txt"):
        text = (card / "boot/firmware" / file).read_text(encoding="utf-8")
        assert all(len(line) <= 98 or line.startswith("#") for line in text.splitlines())


def test_the_appliance_never_writes_into_memory_what_must_stay(card: Path) -> None:
    """State, journal, releases, settings and clock lie on the data partition, each bound once it is there."""
    _run(card, "--read-only")
    text = (card / "etc/fstab").read_text(encoding="utf-8").removeprefix(FSTAB)
    mounts = {line.split()[1]: line.split() for line in text.splitlines() if not line.startswith("#")}
    assert mounts["/data"][0] == "LABEL=afferent-data"
    for path in ("/var/lib/afferent", "/var/log/journal", "/opt/afferent", "/etc/afferent", "/var/lib/systemd"):
        assert mounts[path][0] == f"/data{path}"
        assert "x-systemd.requires-mounts-for=/data" in mounts[path][3]
        assert (card / "data" / path.lstrip("/")).is_dir()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("usr/lib/systemd/system-generators/zram-generator", "apt-get install systemd-zram-generator"),
        ("usr/share/initramfs-tools/scripts/init-bottom/overlayroot", "apt-get install overlayroot"),
        ("boot/firmware/cmdline.txt", "is this a Raspberry Pi"),
    ],
)
def test_it_refuses_before_it_changes_anything(card: Path, spoil: str, words: str) -> None:
    (card / spoil).unlink()
    _refused(card, words)


def test_it_refuses_on_an_overlay_where_nothing_would_last(card: Path) -> None:
    (card / "proc").mkdir()
    (card / "proc/mounts").write_text("overlayroot / overlay rw 0 0\n", encoding="utf-8")
    _refused(card, "overlay in memory")


def test_it_refuses_to_hide_what_is_not_on_the_data_partition_yet(card: Path) -> None:
    (card / "var/lib/afferent").mkdir(parents=True)
    (card / "var/lib/afferent/store.db").touch()
    _refused(card, "cp -aT /var/lib/afferent /data/var/lib/afferent")
    (card / "data/var/lib/afferent").mkdir(parents=True)
    (card / "data/var/lib/afferent/store.db").touch()
    assert _run(card, "--read-only").returncode == 0


def test_bytes_line_ends_and_modes_of_others_stay(card: Path) -> None:
    """An editor of another system left its marks; somebody's umask is not for everybody's files."""
    theirs = b"# caf\xe9\r\ndtparam=i2c_arm=on\r\n"
    (card / "boot/firmware/config.txt").write_bytes(theirs)
    (card / "etc/fstab").chmod(0o640)
    assert _run_alone(card, "--data", umask=0o077) == 0
    assert (card / "boot/firmware/config.txt").read_bytes().startswith(theirs)
    assert (card / "etc/fstab").stat().st_mode & 0o777 == 0o640
    assert (card / "etc/sysctl.d/60-afferent.conf").stat().st_mode & 0o777 == 0o644
    for folder in ("etc/sysctl.d", "data/var/lib/afferent", "opt/afferent"):
        assert (card / folder).stat().st_mode & 0o777 == 0o755
    assert _run(card, "--data").stdout == "Nothing to change.\n"


def test_a_folder_on_the_data_partition_belongs_to_whom_it_belonged(card: Path) -> None:
    """The journal's is its group's with the bit that hands that on; keys of paired straps are root's alone."""
    for name, mode in (("var/log/journal", 0o2755), ("var/lib/bluetooth", 0o700)):
        (card / name).mkdir(parents=True)
        (card / name).chmod(mode)
    _run(card, "--data")
    assert (card / "data/var/log/journal").stat().st_mode & 0o7777 == 0o2755
    assert (card / "data/var/lib/bluetooth").stat().st_mode & 0o7777 == 0o700


def test_it_refuses_to_leave_what_lies_on_the_data_partition(card: Path) -> None:
    """Without `--data` the appliance would begin anew, beside its own state."""
    assert _run(card, "--data").returncode == 0
    (card / "data/var/lib/afferent/store.db").touch()
    _refused(card, "--data", options=())
    assert _run(card, "--data").returncode == 0


def test_a_card_of_before_debian_12_is_known_by_its_boot_folder(card: Path) -> None:
    (card / "boot/firmware/config.txt").rename(card / "boot/config.txt")
    (card / "boot/firmware/cmdline.txt").rename(card / "boot/cmdline.txt")
    assert "changed /boot/config.txt" in _run(card).stdout


_LINES = st.text(st.characters(codec="ascii", categories=("L", "N", "P", "Zs")), max_size=40).map(str.strip)


@given(st.lists(_LINES, max_size=8).map("\n".join), st.booleans(), st.booleans())
def test_other_peoples_lines_stay_and_ours_come_once(text: str, uart: bool, data: bool) -> None:
    for made, option in ((apply.config_txt, {"uart": uart}), (apply.fstab, {"data": data})):
        once = made(text, **option)
        assert made(once, **option) == once
        assert once.startswith(text)
    assert apply.fstab(apply.fstab(text, data=True), data=False).rstrip("\n") == text.rstrip("\n")


@given(st.lists(st.from_regex(r"[a-z.]{1,8}(=[a-z0-9:,]{0,8})?", fullmatch=True), max_size=8), st.booleans())
def test_the_kernels_line_stays_one_line(words: list[str], read_only: bool) -> None:
    wish = apply.Wish(root=Path("/"), uart=True, data=read_only, read_only=read_only)
    once = apply.cmdline(" ".join(words), wish)
    assert apply.cmdline(once, wish) == once
    assert once.count("\n") == 1
    assert [word for word in once.split() if word in words] == [
        word for word in words if not word.startswith("overlayroot=")
    ]


def _refused(card: Path, words: str, options: tuple[str, ...] = ("--read-only",)) -> None:
    before = _files(card)
    done = _run(card, *options)
    assert done.returncode == 2
    assert words in done.stderr
    assert _files(card) == before


def _run(card: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """The script in this process, which costs a hundredth of one of its own."""
    argv = [str(SCRIPT), "--root", str(card), *options]
    said, wrong = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(wrong):
        patch.setattr(sys, "argv", argv)
        code = apply.main()
    return subprocess.CompletedProcess(argv, code, said.getvalue(), wrong.getvalue())


def _run_alone(card: Path, *options: str, umask: int) -> int:
    argv = [sys.executable, str(SCRIPT), "--root", str(card), *options]
    return subprocess.run(argv, capture_output=True, check=False, timeout=60, umask=umask).returncode


def _files(card: Path) -> dict[str, str]:
    found = {}
    for path in card.rglob("*"):
        if path.is_symlink():
            found[str(path.relative_to(card))] = f"-> {path.readlink()}"
        elif path.is_file():
            found[str(path.relative_to(card))] = path.read_text(encoding="utf-8")
    return found
