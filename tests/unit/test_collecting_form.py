"""The form in which chunks come, read in pieces of any size: what well-kept clients write is what is found."""

from collections.abc import AsyncIterator

import pytest
import requests
from hypothesis import assume, example, given
from hypothesis import strategies as st

from edge.web.legacy_collect_form import FormError, FormParser, TooLargeError, boundary_of, read_form

NAMES = st.from_regex(r"[a-z_]{1,20}", fullmatch=True)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=60)
TRICKY = st.lists(
    st.sampled_from([b"\r\n", b"--", b"--b", b"\r\n--b", b"\r", b"\n", b"x", b"\r\n--bo", b" "]), max_size=30
)
BYTES = st.one_of(st.binary(max_size=3000), TRICKY.map(b"".join))


async def pieces_of(body: bytes, sizes: list[int]) -> AsyncIterator[bytes]:
    """The body in pieces of these sizes, then the rest."""
    for size in sizes:
        yield body[:size]
        body = body[size:]
    yield body


async def read(
    body: bytes, boundary: bytes, sizes: list[int], *, most: int = 1_000_000
) -> tuple[dict[str, str], bytes]:
    """The fields and the file of a form."""
    file = bytearray()

    async def sink(data: bytes) -> None:
        file.extend(data)

    fields = await read_form(pieces_of(body, sizes), boundary, file="chunk", sink=sink, most=most)
    return fields, bytes(file)


def form(boundary: str, fields: dict[str, str], file: bytes) -> bytes:
    """A form as browsers write it."""
    parts = [f'Content-Disposition: form-data; name="{name}"\r\n\r\n{text}'.encode() for name, text in fields.items()]
    head = b'Content-Disposition: form-data; name="chunk"; filename="blob"\r\nContent-Type: video/webm\r\n\r\n'
    line = b"--" + boundary.encode()
    return b"".join(line + b"\r\n" + part + b"\r\n" for part in [*parts, head + file]) + line + b"--\r\n"


@given(st.dictionaries(NAMES, TEXTS, max_size=6), BYTES, st.lists(st.integers(1, 700), max_size=12))
@example({"a": ""}, b"\r\n--bound", [1] * 40)
@example({}, b"", [])
async def test_what_a_client_writes_is_what_is_found(fields: dict[str, str], file: bytes, sizes: list[int]) -> None:
    """Every byte of the file and every field, however the network cut them up."""
    assume("chunk" not in fields)
    texts = {name: text.encode().decode() for name, text in fields.items()}
    assume(all("\r\n--boundary" not in text for text in texts.values()) and b"\r\n--boundary" not in file)
    found, data = await read(form("boundary", texts, file), b"boundary", sizes)
    assert data == file
    assert found == {**texts, "chunk": ""}


@given(BYTES, st.lists(st.integers(1, 500), max_size=8))
async def test_what_requests_writes(file: bytes, sizes: list[int]) -> None:
    """S2.2: the form of the library that existing programs use; its boundary is its own."""
    data = {"session_id": "s", "chunk_index": "0"}
    sent = requests.Request("POST", "http://localhost/", data=data, files={"chunk": ("blob", file)}).prepare()
    assert isinstance(sent.body, bytes)
    found, got = await read(sent.body, boundary_of(str(sent.headers["Content-Type"])), sizes)
    assert (found, got) == ({**data, "chunk": ""}, file)


@given(st.binary(max_size=2000), st.lists(st.integers(1, 300), max_size=10))
async def test_noise(body: bytes, sizes: list[int]) -> None:
    """Anything that is no form is refused; nothing else happens."""
    try:
        await read(body, b"b", sizes)
    except FormError:
        return
    assert b"--b--" in body


@given(BYTES, st.integers(0, 4000))
async def test_torn_form_is_refused(file: bytes, cut: int) -> None:
    """A chunk that came by half is never taken for whole: without its closing boundary it is nothing."""
    body = form("boundary", {"a": "b"}, file)
    assume(b"\r\n--boundary" not in file and cut < len(body) - len(b"\r\n"))
    with pytest.raises(FormError):
        await read(body[:cut].removesuffix(b"--"), b"boundary", [])


async def test_memory_is_bounded() -> None:
    """Of a large file no more is held than a boundary needs."""
    parser = FormParser(b"boundary")
    for piece in (form("boundary", {}, b"")[:140], *[b"\r\n--bound" * 10_000] * 20):
        for _ in parser.feed(piece):
            pass
        assert len(parser._buffer) < 300


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "application/json",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/mixed; boundary=x",
        f"multipart/form-data; boundary={'x' * 71}",
    ],
)
def test_no_boundary(content_type: str) -> None:
    """Refused by what the header says."""
    with pytest.raises(FormError):
        boundary_of(content_type)


def test_boundaries() -> None:
    """With and without quotes."""
    assert boundary_of("multipart/form-data; boundary=abc") == b"abc"
    assert boundary_of('Multipart/Form-Data; charset=utf-8; boundary="a b:c"') == b"a b:c"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"--b\r\n\r\nx\r\n--b--\r\n", "no name"),
        (b"--b\r\n" + b"X: " + b"y" * 5000 + b"\r\n\r\n--b--", "too long"),
        (form("b", {"a": "x" * 5000}, b""), "too long"),
        (form("b", {"a": "x"}, b"").replace(b'"chunk"', b'"a"'), "twice"),
        (form("b", {f"f{n}": "" for n in range(40)}, b""), "more than"),
    ],
)
async def test_what_is_too_much(body: bytes, why: str) -> None:
    """Heads, fields and their number are bounded."""
    with pytest.raises(FormError, match=why):
        await read(body, b"b", [])


async def test_too_large() -> None:
    """The whole body is bounded, whatever Content-Length said."""
    with pytest.raises(TooLargeError):
        await read(form("b", {}, b"x" * 2000), b"b", [100] * 30, most=1000)


async def test_boundary_within_a_line_is_data() -> None:
    """A longer line that begins like the boundary belongs to the file."""
    file = b"before\r\n--bx\r\nafter\r\n--b-\r\n"
    assert (await read(form("b", {}, file), b"b", [7] * 40))[1] == file
