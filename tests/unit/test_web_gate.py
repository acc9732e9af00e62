"""Who is who and may do what: hosts, networks, tokens, and parsers that meet whatever the outside sends."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Scope

from contract.errors import InvalidSettingsError
from edge.web.access import Access, allows
from edge.web.callers import Caller, address_of, caller_of, is_within, parse_networks, tokens_of
from edge.web.endpoint import Query, integer_of
from edge.web.feed import wish_of
from edge.web.gate import is_known_host, is_own_origin, own_names
from edge.web.native import without_passwords
from edge.web.page import prefers_html
from edge.web.problem import ProblemError

LOOPBACK = parse_networks(("127.0.0.0/8", "::1/128"), "web.open_networks")
NAMES = {"localhost", "gate-1", "gate-1.local"}


def scope_of(query: bytes = b"", headers: dict[str, str] | None = None) -> Scope:
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in (headers or {}).items()]
    return {"type": "http", "method": "GET", "path": "/", "query_string": query, "headers": raw, "client": ("::1", 1)}


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("localhost", True),
        ("LOCALHOST:8000", True),
        ("192.168.1.20:8000", True),
        ("[::1]:8000", True),
        ("[fe80::1%25eth0]:8000", True),
        ("gate-1.local:8000", True),
        ("evil.example", False),
        ("gate-1.local.evil.example:8000", False),
        ("user@localhost", False),
        ("localhost/..", False),
        ("localhost:99999", False),
        ("", False),
        ("[", False),
    ],
)
def test_only_addresses_and_known_names_are_answered(host: str, known: bool) -> None:
    assert is_known_host(host, NAMES) is known


@given(st.text(max_size=80))
def test_no_host_header_makes_it_fall_over(host: str) -> None:
    assert is_known_host(host, NAMES) in {True, False}


def test_the_machine_answers_to_its_own_name() -> None:
    assert any(name.endswith(".local") for name in own_names())


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.168.1.4", False),
        ("::ffff:192.168.1.4", False),
        ("unknown", False),
        ("", False),
    ],
)
def test_loopback_in_all_its_clothes(address: str, inside: bool) -> None:
    assert is_within(address, LOOPBACK) is inside


def test_a_wrong_network_names_its_place() -> None:
    with pytest.raises(InvalidSettingsError, match=r"\$\.web\.open_networks\[1\]: '10\.0\.0\.1/8' is not a network"):
        parse_networks(("10.0.0.0/8", "10.0.0.1/8"), "web.open_networks")


def test_what_an_unconfigured_proxy_passes_on_comes_from_nowhere() -> None:
    headers = Headers({"x-forwarded-for": "203.0.113.9"})
    assert address_of(scope_of(), headers, behind_proxy=False) == "unknown"
    assert address_of(scope_of(), headers, behind_proxy=True) == "::1"
    assert address_of({**scope_of(), "client": None}, Headers({}), behind_proxy=False) == "unknown"


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({"authorization": "Bearer abc"}, "abc"),
        ({"authorization": "bearer  abc "}, "abc"),
        ({"authorization": "Basic abc"}, None),
        ({"authorization": "Bearer"}, None),
        ({"cookie": "a=b; afferent_session=xyz"}, "xyz"),
        ({"cookie": "afferent_session=xyz", "authorization": "Bearer abc"}, "abc"),
        ({"cookie": "\x00=;;"}, None),
        ({}, None),
    ],
)
def test_where_a_token_may_be(headers: dict[str, str], token: str | None) -> None:
    assert tokens_of(Headers(headers)) == ([token] if token else [])


@given(st.text(st.characters(codec="latin-1"), max_size=120), st.text(st.characters(codec="latin-1"), max_size=120))
def test_no_header_makes_it_fall_over(cookie: str, authorization: str) -> None:
    tokens_of(Headers({"cookie": cookie, "authorization": authorization}))


def test_who_may_do_what() -> None:
    far, near = Caller("203.0.113.9"), Caller("127.0.0.1", open=True)
    scraper, signed_in = Caller("10.0.0.2", scraper=True), Caller("203.0.113.9", user="admin")
    table = {
        Access.PUBLIC: (True, True, True, True),
        Access.OPEN_NETWORKS: (False, True, False, True),
        Access.METRICS: (False, False, True, True),
        Access.SIGNED_IN: (False, False, False, True),
    }
    for access, expected in table.items():
        assert tuple(allows(access, caller) for caller in (far, near, scraper, signed_in)) == expected
    assert caller_of(scope_of()) == Caller("unknown")


@pytest.mark.parametrize(
    ("accept", "html"),
    [
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
        ("*/*", False),
        ("", False),
        ("application/json", False),
        ("application/json, text/html;q=0.5", False),
        ("text/html;q=0", False),
        ("text/html;q=what", False),
    ],
)
def test_browsers_get_the_page_and_programs_the_json(accept: str, html: bool) -> None:
    """S1.1"""
    assert prefers_html(accept) is html


@given(st.text(max_size=200))
def test_no_accept_header_makes_it_fall_over(accept: str) -> None:
    prefers_html(accept)


@given(st.one_of(st.text(st.characters(codec="latin-1"), max_size=30), st.integers().map(str)))
def test_a_last_event_id_is_a_row_or_a_problem(raw: str) -> None:
    try:
        row = wish_of(scope_of(headers={"last-event-id": raw})).after
    except ProblemError as error:
        assert error.problem.field == "Last-Event-ID"
    else:
        assert (
            row is None if raw.strip() == "" else row is not None and str(row) == raw.strip().lstrip("0").rjust(1, "0")
        )


def test_last_event_id_by_parameter_and_none() -> None:
    assert wish_of(scope_of(b"after=17")).after == 17
    assert wish_of(scope_of(b"after=17", {"Last-Event-ID": "18"})).after == 18
    assert wish_of(scope_of()).after is None


LIMIT = Query(name="limit", kind=int, about="", default=100, least=1, most=1000)


@given(st.one_of(st.text(max_size=20), st.integers().map(str)))
def test_an_integer_parameter_is_within_its_bounds_or_a_problem(raw: str) -> None:
    request = Request(scope_of(urlencode({"limit": raw}).encode()))
    try:
        value = integer_of(request, LIMIT)
    except ProblemError as error:
        assert (error.problem.status, error.problem.field) == (400, "limit")
    else:
        assert value == 100 if raw == "" else value == int(raw) and 1 <= value <= 1000


def test_passwords_in_addresses_are_blotted_out() -> None:
    config = {"cameras": [{"url": "rtsp://me:se:cr@t@10.0.0.5/1"}, {"url": "http://10.0.0.5:80/x"}], "n": (1, None)}
    assert without_passwords(config) == {
        "cameras": [{"url": "rtsp://me:...@10.0.0.5/1"}, {"url": "http://10.0.0.5:80/x"}],
        "n": [1, None],
    }


@pytest.mark.parametrize(
    ("origin", "host", "scheme", "own"),
    [
        ("http://box:8000", "box:8000", "http", True),
        ("https://box:8000", "box:8000", "http", True),  # a proxy does TLS
        ("https://box", "BOX", "wss", True),
        ("http://box", "box", "https", False),
        ("http://box", "box", "wss", False),
        ("http://box:8001", "box:8000", "http", False),
        ("http://box.evil.example", "box", "http", False),
        ("ftp://box", "box", "http", False),
        ("null", "", "http", False),
        ("", "", "http", False),
        ("http://[", "[", "http", False),
    ],
)
def test_which_pages_are_ours(origin: str, host: str, scheme: str, own: bool) -> None:
    assert is_own_origin(origin, host, scheme) is own


@given(st.text(max_size=60), st.text(max_size=40), st.sampled_from(["http", "https", "ws", "wss"]))
def test_no_origin_makes_it_fall_over(origin: str, host: str, scheme: str) -> None:
    assert is_own_origin(origin, host, scheme) in {True, False}
