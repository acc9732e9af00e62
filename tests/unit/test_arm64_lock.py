"""What an aarch64 box with Debian's Python gets of the device's lock, judged for the box and not for this machine."""

from tests.arm64.wheels import LOCK, locked


def test_the_lock_is_read_for_the_box() -> None:
    lines = list(locked(LOCK.read_text(encoding="utf-8")))
    names = [line.split("==")[0] for line in lines]
    assert len(names) == len(set(names)), "two versions of one package hold at once"
    assert {"numpy", "onnxruntime", "opencv-python-headless", "av", "cryptography"} <= set(names)
    assert not [name for name in names if name.startswith(("pyobjc", "winrt"))]
    assert all(" --hash=sha256:" in line and ";" not in line for line in lines)


def test_a_condition_is_judged_by_the_box() -> None:
    text = (
        "a==1 ; python_full_version < '3.12' \\\n    --hash=sha256:00 \\\n    --hash=sha256:01\n    # via b\n"
        "a==2 ; python_full_version >= '3.12' \\\n    --hash=sha256:02\n"
        "c==3 ; platform_machine == 'x86_64' \\\n    --hash=sha256:03\n"
    )
    assert [" ".join(line.split()) for line in locked(text)] == ["a==1 --hash=sha256:00 --hash=sha256:01"]
