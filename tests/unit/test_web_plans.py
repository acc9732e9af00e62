"""Plans and the learned normal over the API: who changes what, what is refused, and that nothing upsets the parser."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.plan import MOST_BYTES, LoiteringRule, Plan, Zone, encode_plan
from tests.support.web import ANOMALY, Web, make_web

PLAN = "/v1/cameras/front/plan"
ANOMALY_PATH = "/v1/cameras/front/anomaly"
GATE: dict[str, Any] = {"id": "gate", "name": "Gate", "points": [[0, 0], [0.5, 0], [0.5, 0.5]]}
SHY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def web(tmp_path: Path) -> Web:
    return make_web(tmp_path, cameras=("front", "back"))


async def test_a_plan_is_read_changed_and_read_again(web: Web) -> None:
    first = (await web.ask("GET", PLAN)).json()
    assert (first["plan"]["version"], first["plan"]["zones"], first["problem"]) == (0, [], None)
    wanted = {"version": 0, "zones": [{**GATE, "rules": [{"type": "loitering", "after_s": 20}]}], "sensitivity": 2}
    changed = await web.ask("PUT", PLAN, json=wanted)
    assert changed.status_code == 200
    assert changed.json()["plan"]["version"] == 1
    assert (await web.ask("GET", PLAN)).json() == changed.json()
    zone = web.cameras["front"].plan().zones[0]
    assert zone == Zone(
        id="gate", name="Gate", points=((0, 0), (0.5, 0), (0.5, 0.5)), rules=(LoiteringRule(after_s=20),)
    )
    assert web.cameras["back"].plan() == Plan()


async def test_who_changes_an_old_version_is_told_the_newest(web: Web) -> None:
    await web.ask("PUT", PLAN, json={"version": 0})
    late = await web.ask("PUT", PLAN, json={"version": 0, "zones": [GATE]})
    assert (late.status_code, late.json()["field"], late.json()["version"]) == (409, "$.version", 1)
    assert "version 1" in late.json()["detail"]
    assert "version 1" in late.json()["remedy"]
    assert web.cameras["front"].plan().zones == ()


async def test_a_plan_that_cannot_be_read_says_why(web: Web) -> None:
    web.cameras["front"].plan_trouble = "the plan cannot be read"
    assert (await web.ask("GET", PLAN)).json()["problem"] == "the plan cannot be read"


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"zones": [{**GATE, "points": [[0, 0], [1, 1]]}]}, "$.zones[0].points", "length >= 3"),
        ({"zones": [{**GATE, "points": [[0, 0], [2, 0], [1, 1]]}]}, "$.zones[0].points[1][0]", "<= 1"),
        ({"zones": [{**GATE, "kind": "moat"}]}, "$.zones[0].kind", "moat"),
        ({"zones": [{**GATE, "id": "../x"}]}, "$.zones[0].id", "regex"),
        ({"zones": [GATE, GATE]}, "$", "the id 'gate'"),
        ({"zones": [{**GATE, "rules": [{"type": "flying"}]}]}, "$.zones[0].rules[0].type", "flying"),
        ({"zone": []}, "$", "zone"),
        ({"timezone": "Mars/Olympus"}, "$", "Europe/Berlin"),
        ({"timezone": "../../etc/passwd"}, "$", "not known"),
        ({"version": "1"}, "$.version", "int"),
    ],
)
async def test_a_plan_that_will_not_do_names_field_and_remedy(
    web: Web, body: dict[str, Any], field: str, words: str
) -> None:
    refused = await web.ask("PUT", PLAN, json=body)
    problem = refused.json()
    assert (refused.status_code, problem["field"]) == (400, field)
    assert words in problem["detail"]
    assert "/openapi.json" in problem["remedy"]


async def test_a_plan_may_be_large_but_not_endless(web: Web) -> None:
    def zones(number: int) -> list[dict[str, Any]]:
        points = [[i / 32, (i * i % 32) / 32 + 0.01] for i in range(31)]
        return [{"id": f"z{n}", "points": [*points, [0.9, 0.013]]} for n in range(number)]

    large = json.dumps({"zones": zones(30)}).encode()
    assert 16 * 1024 < len(large) < MOST_BYTES
    assert (await web.ask("PUT", PLAN, content=large)).status_code == 200
    assert len(encode_plan(web.cameras["front"].plan())) < MOST_BYTES
    endless = await web.ask("PUT", PLAN, content=b" " * MOST_BYTES + b"{}")
    assert (endless.status_code, endless.headers["content-type"]) == (413, "application/problem+json")
    rules = [{"type": "speed", "limit": 1, "labels": ["n" * 60] * 16}] * 12
    wide = json.dumps({"version": 1, "zones": [{**zone, "rules": rules} for zone in zones(8)]}).encode()
    assert len(wide) < MOST_BYTES
    kept_as = encode_plan(msgspec.json.decode(wide, type=Plan))
    assert len(kept_as) > MOST_BYTES
    assert (await web.ask("PUT", PLAN, content=wide)).status_code == 413


async def test_what_the_disk_does_not_take_is_said(web: Web) -> None:
    web.cameras["front"].broken = True
    for method, path, body in (("PUT", PLAN, {"version": 0}), ("POST", f"{ANOMALY_PATH}/reset", None)):
        refused = await web.ask(method, path, json=body)
        assert refused.status_code == 507
        assert "disk" in refused.json()["remedy"]


async def test_the_learned_normal_is_shown_and_forgotten(web: Web) -> None:
    assert (await web.ask("GET", ANOMALY_PATH)).json() == ANOMALY
    assert (await web.ask("POST", f"{ANOMALY_PATH}/reset")).json() == ANOMALY
    assert (web.cameras["front"].forgotten, web.cameras["back"].forgotten) == (1, 0)
    web.cameras["front"].heat = None
    off = await web.ask("GET", ANOMALY_PATH)
    assert off.status_code == 404
    assert "vision.anomaly" in off.json()["remedy"]


@pytest.mark.parametrize(
    ("method", "path"), [("GET", PLAN), ("PUT", PLAN), ("GET", ANOMALY_PATH), ("POST", f"{ANOMALY_PATH}/reset")]
)
async def test_only_who_signed_in_may_and_only_for_a_camera_there_is(web: Web, method: str, path: str) -> None:
    assert (await web.ask(method, path, signed_in=False)).status_code == 401
    foreign = await web.ask(method, path, headers={"Origin": "http://evil.example"}, json={})
    assert foreign.status_code == (200 if method == "GET" else 403)
    assert (await web.ask(method, path.replace("front", "attic"), json={})).status_code == 404


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
PARTS = msgspec.json.schema_components([Plan])[1].values()
FIELDS = st.sampled_from(sorted({name for part in PARTS for name in part.get("properties", {})}))
WORDS = st.sampled_from(
    ["watch", "privacy", "gate", "loitering", "crowding", "speed", "22:00", "25:00", "mon", "none", "Europe/Berlin", ""]
)
NEARLY = st.recursive(
    WORDS | st.none() | st.booleans() | st.integers(-2, 70) | st.floats(-1, 2) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(FIELDS, inner, max_size=6),
    max_leaves=25,
)


@SHY
@given(st.one_of(JSON, NEARLY).map(lambda value: json.dumps(value).encode()) | st.binary(max_size=60))
async def test_whatever_is_sent_is_a_plan_or_a_problem(web: Web, body: bytes) -> None:
    response = await web.ask("PUT", PLAN, content=body)
    assert response.status_code in {200, 400, 409, 413}, body
    assert response.status_code == 200 or response.json()["detail"]


@SHY
@given(st.one_of(JSON, NEARLY))
async def test_whatever_zones_and_lines_are_sent_is_a_plan_or_a_problem(web: Web, part: Any) -> None:
    version = web.cameras["front"].plan().version
    for body in (
        {"version": version, "zones": [GATE | (part if isinstance(part, dict) else {"rules": part})]},
        {
            "version": version,
            "lines": [{"id": "l", "a": [0, 0], "b": [1, 1]} | (part if isinstance(part, dict) else {})],
        },
        {"version": version, "after_hours": part, "timezone": str(part)},
    ):
        response = await web.ask("PUT", PLAN, content=json.dumps(body))
        assert response.status_code in {200, 400, 409, 413}, body
