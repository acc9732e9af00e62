"""A config error names the path, the bound and the value."""

from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct

from contract.errors import InvalidSettingsError
from contract.settings import decode_settings


class Cam(Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    fps: Annotated[int, Meta(ge=1, le=120)] = 25
    source: Literal["a", "b"] = "a"


class Root(Struct, frozen=True, forbid_unknown_fields=True):
    cameras: list[Cam] = []


@pytest.mark.parametrize(
    ("cam", "words"),
    [
        ({"id": "x", "fps": 500}, ["$.cameras[0].fps", "<= 120", "500"]),
        ({"id": "x", "fps": 0}, ["$.cameras[0].fps", ">= 1", "0"]),
        ({"id": "x", "fps": "fast"}, ["$.cameras[0].fps", "int", "fast"]),
        ({"id": "x", "frames": 5}, ["$.cameras[0]", "'frames'", "unknown"]),
        ({"fps": 5}, ["$.cameras[0]", "'id'", "missing"]),
        ({"id": "x", "source": "c"}, ["$.cameras[0].source", "'c'"]),
    ],
)
def test_the_message_names_path_bound_and_value(cam: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(InvalidSettingsError) as caught:
        decode_settings({"cameras": [cam]}, Root)
    for word in words:
        assert word in str(caught.value)


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=3)))
def test_any_table_is_decoded_or_refused_clearly(raw: dict[str, Any]) -> None:
    try:
        decode_settings({"cameras": [raw]}, Root)
    except InvalidSettingsError as error:
        assert str(error).startswith("$")
