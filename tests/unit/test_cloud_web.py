"""The web side's small parts: ranges, tries, the configuration and the API's own description."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from cloud.config import CloudConfig, load_config
from cloud.objects.settings import S3Settings
from cloud.store.passwords import generate_password, hash_password, password_matches
from cloud.web.api import OPERATIONS
from cloud.web.attempts import Attempts
from cloud.web.openapi import describe
from cloud.web.parameters import slice_of
from cloud.web.problems import ProblemError
from cloud.web.sending import byte_range
from contract.errors import InvalidSettingsError
from tests.support.cloud import StillClock


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, (0, 99)),
        ("bytes=0-", (0, 99)),
        ("bytes=10-19", (10, 19)),
        ("bytes=90-1000", (90, 99)),
        ("bytes=-5", (95, 99)),
        ("bytes=-500", (0, 99)),
        ("bytes=0-1,5-6", (0, 99)),
        ("bytes=9-3", (0, 99)),
        ("frames=0-3", (0, 99)),
        ("bytes=-", (0, 99)),
    ],
)
def test_ranges_as_rfc_9110_has_them(header: str | None, expected: tuple[int, int]) -> None:
    assert byte_range(header, 100) == expected


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=500-600", "bytes=-0"])
def test_a_range_outside_is_refused_with_the_size(header: str) -> None:
    with pytest.raises(ProblemError) as caught:
        byte_range(header, 100)
    assert caught.value.status == 416
    assert caught.value.headers["content-range"] == "bytes */100"


@given(st.text(max_size=30), st.integers(1, 1000))
def test_no_range_header_leads_outside(header: str, size: int) -> None:
    try:
        first, last = byte_range(header, size)
    except ProblemError:
        return
    assert 0 <= first <= last < size


@given(st.dictionaries(st.sampled_from(["device", "from", "to", "limit", "after"]), st.text(max_size=25)))
def test_any_parameters_are_a_slice_or_refused_by_name(query: dict[str, str]) -> None:
    try:
        found = slice_of(QueryParams(query))
    except ProblemError as error:
        assert error.status == 400
        assert error.problem.field in query
        assert error.problem.remedy
    else:
        assert 1 <= found.limit <= 1000


def test_times_are_taken_as_milliseconds_and_as_rfc_3339() -> None:
    found = slice_of(QueryParams({"from": "1780000000000", "to": "2026-06-01T00:00:00Z"}))
    assert (found.from_ms, found.to_ms) == (1_780_000_000_000, 1_780_272_000_000)


def test_guessing_costs_the_guesser_more_and_more() -> None:
    clock = StillClock()
    attempts = Attempts(clock)
    for _ in range(5):
        assert attempts.wait_s("192.0.2.1") == 0
        attempts.failed("192.0.2.1")
    waits = []
    for _ in range(12):
        waits.append(attempts.wait_s("192.0.2.1"))
        clock.ms += waits[-1] * 1000
        attempts.failed("192.0.2.1")
    assert waits[:4] == [2, 4, 8, 16]
    assert waits[-1] == 900
    assert attempts.wait_s("192.0.2.2") == 0
    attempts.succeeded("192.0.2.1")
    assert attempts.wait_s("192.0.2.1") == 0


def test_guessers_with_many_addresses_fill_no_memory() -> None:
    attempts = Attempts(StillClock())
    for number in range(10_000):
        attempts.failed(f"2001:db8:{number:x}::1")
    assert len(attempts) <= 4096
    for number in range(6):
        attempts.failed(f"2001:db8:ffff:1::{number:x}")
    assert attempts.wait_s("2001:db8:ffff:1:7::9") > 0


def test_a_password_is_kept_as_a_salted_hash() -> None:
    password = generate_password()
    stored = hash_password(password)
    assert password not in stored
    assert stored != hash_password(password)
    assert password_matches(stored, password)
    assert not password_matches(stored, password + " ")
    assert not password_matches("nonsense", password)


def test_the_description_has_every_route_and_every_reference_leads_somewhere() -> None:
    document = describe("1.2.3")
    text = json.dumps(document)
    assert {(path, method) for path, methods in document["paths"].items() for method in methods} == {
        (operation.path, operation.method) for operation in OPERATIONS
    }
    for name in {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert name in document["components"]["schemas"]


def test_no_file_at_all_is_a_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    config = load_config(None)
    assert config == CloudConfig()
    assert config.database_url == f"sqlite:///{tmp_path}/afferent/cloud/cloud.db"
    assert config.objects_path == tmp_path / "afferent" / "cloud" / "objects"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[web]\nport = 70000", ["$.web.port", "65535", "70000"]),
        ("[broker]\nhots = 'x'", ["$.broker", "'hots'"]),
        ("[objects]\ntype = 's3'", ["$.objects", "'bucket'", "missing"]),
        ("[objects]\ntype = 's3'\nbucket = 'abc'\naccess_key_secret = 'k'", ["secret_key_secret"]),
        ("[store]\ndatabase_url = 'mysql://x'", ["$.store.database_url"]),
        ("nonsense", ["not TOML"]),
    ],
)
def test_a_wrong_configuration_names_file_path_and_value(tmp_path: Path, text: str, words: list[str]) -> None:
    path = tmp_path / "cloud.toml"
    path.write_text(text)
    with pytest.raises(InvalidSettingsError) as caught:
        load_config(path)
    for word in [str(path), *words]:
        assert word in str(caught.value)


def test_a_secret_comes_from_credentials_or_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = CloudConfig(state_dir=str(tmp_path), objects=S3Settings(bucket="abc"))
    with pytest.raises(InvalidSettingsError, match="secrets/db"):
        config.secret("db")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "db").write_text("from the folder\n")
    assert config.secret("db") == "from the folder"
    (tmp_path / "db").write_text("from systemd\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert config.secret("db") == "from systemd"
    assert config.secret("") is None


def _described(kind: Any, path: str = "") -> list[str]:
    """Settings without a description, below `kind`."""
    import msgspec

    missing = []
    for field in msgspec.inspect.type_info(kind).fields:  # type: ignore[attr-defined]
        found, place = field.type, f"{path}.{field.name}"
        kinds = getattr(found, "types", (found,))
        structs = [inner.cls for inner in kinds if isinstance(inner, msgspec.inspect.StructType)]
        for struct in structs:
            missing += _described(struct, place)
        if not structs and not (getattr(found, "extra_json_schema", None) or {}).get("description"):
            missing.append(place)
    return missing


def test_every_setting_says_what_it_is() -> None:
    assert _described(CloudConfig) == []
