"""The roles and playbooks: typed whole, builtin modules alone, no secret where others read, and settings that load."""

import functools
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.config import CloudConfig
from cloud.trust.broker import access_list, mosquitto_conf
from cloud.web.api import OPERATIONS
from contract.settings import decode_settings
from edge.config import parse_config
from edge.core.standing import WRITTEN_EVERY_S
from edge.releases.gate import STEADY_S
from tests.conftest import ROOT
from tests.support.inventories import ANSIBLE, example_variables, read, render, resolve, role_variables

_ROLES = sorted(path.name for path in (ANSIBLE / "roles").iterdir())
_PLAYBOOKS = sorted((ANSIBLE / "playbooks").glob("*.yml"))
_TASK_FILES = sorted([*(ANSIBLE / "roles").glob("*/[th]a[sn]*/*.yml"), *(ANSIBLE / "playbooks/tasks").glob("*.yml")])
_SECRET = re.compile(r"_secrets|_token\b|edge_files|monitoring_token")
_WANTED = (
    "provision", "deploy", "configure", "rotate-certificates", "collect-diagnostics", "rollback", "decommission",
    "deploy-cloud",
)  # fmt: skip


@functools.cache
def tasks() -> list[tuple[str, dict[str, Any]]]:
    """Every task and handler with where it is, those in blocks and plays too."""
    found = [(path, task) for path in (*_TASK_FILES, *_PLAYBOOKS) for task in _flat(read(path))]
    return [(f"{path.relative_to(ANSIBLE)}: {task.get('name')}", task) for path, task in found]


def _flat(items: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for item in items:
        if "hosts" not in item:
            yield item
        for within in ("tasks", "block", "rescue"):
            yield from _flat(item.get(within, []))


def module_of(task: dict[str, Any]) -> str:
    """The module of a task; the empty text of a block."""
    found = [key for key in task if "." in key or key in {"command", "copy", "template", "file", "shell"}]
    return found[0] if found else ""


@pytest.mark.parametrize("role", _ROLES)
def test_a_role_s_arguments_are_its_defaults_typed_and_described(role: str) -> None:
    specified = read(ANSIBLE / "roles" / role / "meta/argument_specs.yml")["argument_specs"]
    options, defaults = specified["main"]["options"], read(ANSIBLE / "roles" / role / "defaults/main.yml")
    assert options.keys() == defaults.keys()
    for name, option in options.items():
        assert name.startswith(f"{role}_")
        assert option["type"]
        assert option["description"].endswith(".")
        assert option.get("required") or option["default"] == defaults[name], name


@pytest.mark.parametrize("role", _ROLES)
def test_a_role_s_entry_points_are_files_and_its_main_only_includes(role: str) -> None:
    folder = ANSIBLE / "roles" / role
    entries = read(folder / "meta/argument_specs.yml")["argument_specs"]
    assert all((folder / "tasks" / f"{entry}.yml").is_file() for entry in entries)
    used = {module_of(task) for task in read(folder / "tasks/main.yml")}
    assert used <= {"ansible.builtin.include_tasks", "ansible.builtin.include_role"}


def test_every_task_is_named_and_builtin() -> None:
    for where, task in tasks():
        assert task.get("name"), where
        assert "block" in task or module_of(task).startswith("ansible.builtin."), where


def test_no_task_goes_through_a_shell_or_shows_a_secret() -> None:
    for where, task in tasks():
        assert module_of(task) not in {"ansible.builtin.shell", "ansible.builtin.raw"}, where
        said = {key: value for key, value in task.items() if key not in {"when", "register", "notify"}}
        if _SECRET.search(str(said)) and "include" not in module_of(task) and "stat.checksum" not in str(task):
            assert task.get("no_log") or "src" in str(said.get("ansible.builtin.template")), where
        assert not re.search(r"\.stdout|secret", str(task.get("ansible.builtin.command", {}).get("argv"))), where


def test_every_command_says_whether_it_changes_anything() -> None:
    """Or else a second run would not be told from a first."""
    for where, task in tasks():
        command = task.get("ansible.builtin.command")
        if command is not None:
            assert "changed_when" in task or "creates" in command, where


def test_who_looks_deploys_or_goes_back_needs_no_password_of_the_vault() -> None:
    """A role's typed arguments are all decrypted, also those that the tasks never use."""
    playbooks = [
        ANSIBLE / f"playbooks/{name}.yml" for name in ("collect-diagnostics", "deploy", "deploy-cloud", "rollback")
    ]
    found = [task for path in (*playbooks, *(ANSIBLE / "playbooks/tasks").glob("*.yml")) for task in _flat(read(path))]
    for role in [task["ansible.builtin.include_role"] for task in found if "ansible.builtin.include_role" in task]:
        options = read(ANSIBLE / "roles" / role["name"] / "meta/argument_specs.yml")["argument_specs"]["main"][
            "options"
        ]
        assert not role.get("rolespec_validate", True) or not any(one.get("no_log") for one in options.values()), role


def test_everything_that_is_asked_for_is_a_playbook_and_taught() -> None:
    assert {path.stem for path in _PLAYBOOKS} >= set(_WANTED)
    taught = (ROOT / "docs/fleet.md").read_text()
    assert all(path.stem in taught for path in _PLAYBOOKS)


@pytest.mark.parametrize("kind", ["edge", "cloud"])
def test_units_and_folders_are_those_of_the_systemd_folder(kind: str) -> None:
    text = "".join(path.read_text() for path in (ANSIBLE / "roles" / kind).rglob("*.yml"))
    named = set(re.findall(r"\bafferent[a-z-]*@?\.(?:service|target|path|timer)", text))
    assert named
    assert named <= {path.name for path in (ROOT / "systemd").iterdir()}
    unit = (ROOT / "systemd" / {"edge": "afferent-edge.service", "cloud": "afferent-cloud@.service"}[kind]).read_text()
    defaults = role_variables(kind)
    assert f"ExecStart={defaults[f'{kind}_program']} {kind}" in unit
    assert f"StateDirectory={Path(defaults[f'{kind}_state']).name}\n" in unit
    assert "/etc/afferent/credentials" in unit


def test_a_box_gets_every_unit_that_is_not_the_cloud_s() -> None:
    ours = {path.name for path in (ROOT / "systemd").glob("afferent*.*") if "cloud" not in path.name}
    assert set(role_variables("edge")["edge_unit_names"]) == ours


@pytest.mark.parametrize("box", ["lab-1", "gate-1"])
def test_the_example_s_boxes_get_settings_that_load(box: str) -> None:
    own = ["host_vars/gate-1"] if box == "gate-1" else []
    variables = role_variables("edge") | example_variables("group_vars/all", "group_vars/edge", *own)
    config = parse_config(render("edge", "edge.toml.j2", variables | {"inventory_hostname": box}).encode(), box)
    assert (config.device, str(config.state), config.broker.host, config.broker.port, config.broker.tls) == (
        box, "/var/lib/afferent", "broker.example.org", 8883, True,
    )  # fmt: skip
    assert [camera.id for camera in config.cameras if box == "gate-1"] == ["front"][: len(own)]


def test_the_example_s_cloud_gets_settings_that_load() -> None:
    variables = role_variables("cloud") | example_variables("group_vars/all", "group_vars/cloud")
    plain = tomllib.loads(render("cloud", "cloud.toml.j2", variables | {"inventory_hostname": "cloud.example.org"}))
    config = decode_settings(plain, CloudConfig)
    assert config.web.tls_key == "/var/lib/afferent-cloud/authority/servers/cloud.example.org/key.pem"
    assert config.database_url == "postgresql://afferent-cloud@/afferent?host=/run/postgresql"
    assert (config.broker.host, config.trust.broker_host) == ("broker.example.org", "broker.example.org")


_SCALARS = st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
_WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
_TREES = st.recursive(
    _SCALARS | _WORDS | st.lists(_SCALARS | _WORDS, max_size=3),
    lambda inner: (
        st.dictionaries(_WORDS, inner, max_size=3) | st.lists(st.dictionaries(_WORDS, inner, max_size=3), max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(_WORDS, _TREES, max_size=4))
def test_any_tree_of_settings_is_the_same_as_toml(tree: dict[str, Any]) -> None:
    assert tomllib.loads(render("edge", "edge.toml.j2", {"edge_merged": tree})) == tree


def test_the_broker_gets_what_trust_asks_for() -> None:
    variables = role_variables("broker")
    ours = render("broker", "afferent.conf.j2", variables).split("\n", 1)[1]
    assert ours == mosquitto_conf()
    assert _lines(render("broker", "acl.j2", variables)) == _lines(access_list())


def test_prometheus_is_told_of_every_box_by_its_name() -> None:
    variables = _monitoring_variables()
    jobs = yaml.safe_load(render("monitoring", "prometheus.yml.j2", variables))["scrape_configs"]
    assert [job["job_name"] for job in jobs] == ["afferent-edge", "afferent-cloud", "afferent-cloud-api"]
    named = {entry["labels"]["instance"]: entry["targets"] for entry in jobs[0]["static_configs"]}
    assert named == {name: [address] for name, address in variables["monitoring_boxes"].items()}


def test_the_cloud_s_api_is_asked_with_the_token_and_counts_as_the_cloud_to_the_rules() -> None:
    jobs = yaml.safe_load(render("monitoring", "prometheus.yml.j2", _monitoring_variables()))["scrape_configs"]
    assert [job["job_name"] for job in jobs if "authorization" in job] == ["afferent-cloud-api"]
    assert (jobs[2]["scheme"], jobs[2]["tls_config"]) == (
        "https",
        {"ca_file": "/etc/prometheus/afferent/authority.pem"},
    )
    assert jobs[2]["static_configs"] == [
        {"targets": ["cloud.example.org:8443"], "labels": {"instance": "serve", "job": "afferent-cloud"}}
    ]


def _monitoring_variables() -> dict[str, Any]:
    example = example_variables("group_vars/all", "group_vars/monitoring")
    return role_variables("monitoring") | example | {"role_path": ".", "groups": {"cloud": ["cloud.example.org"]}}


def test_diagnostics_give_the_gate_time_to_see_pictures_come() -> None:
    """One look cannot tell whether frames grow: every box would seem to have failed."""
    argv = role_variables("edge")["edge_questions"]["gate.json"]
    assert float(argv[argv.index("--wait") + 1]) >= STEADY_S + 3 * WRITTEN_EVERY_S


def test_both_roles_write_toml_alike() -> None:
    one, other = (ANSIBLE / "roles" / role / "templates/toml.j2" for role in ("edge", "cloud"))
    assert one.read_bytes() == other.read_bytes()


def test_every_playbook_is_one_to_ansible_too() -> None:
    """As ansible-core of this environment reads them."""
    command = Path(sys.executable).with_name("ansible-playbook")
    words = [str(command), "--syntax-check", "-i", "inventories/example", "-e", "confirm=gate-1", *map(str, _PLAYBOOKS)]
    done = subprocess.run(words, cwd=ANSIBLE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_a_variable_of_a_role_can_be_resolved() -> None:
    variables = role_variables("edge") | {"inventory_hostname": "lab-1", "edge_settings": {"broker": {"port": 1}}}
    assert resolve("edge_merged", variables)["broker"] == {"port": 1}


def test_a_server_is_judged_before_the_next_is_touched() -> None:
    """Waves of one, stopped by the first that fails, as those of boxes; the gate asks what the cloud itself serves."""
    looked, deployed, _ = read(ANSIBLE / "playbooks/deploy-cloud.yml")
    assert "'cloud'" in looked["hosts"]
    assert "[1]" in deployed["serial"]
    assert deployed["max_fail_percentage"] == 0
    *_, within = [str(task) for task in _flat(read(ANSIBLE / "playbooks/tasks/wave.yml")) if "wave_of" in str(task)]
    assert deployed["vars"]["wave_of"] == "server.yml"
    assert "box.yml" in within
    *_, applied = [task for task in _flat(read(ANSIBLE / "playbooks/tasks/server.yml")) if "--gate-url" in str(task)]
    words = applied["ansible.builtin.command"]["argv"]
    assert "/readyz" in words[words.index("--gate-url") + 1]
    assert "/readyz" in {operation.path for operation in OPERATIONS if operation.access == "public"}
    units = {word for word in words if word.endswith(".service")}
    assert units == {f"afferent-cloud@{name}.service" for name in ("serve", "ingest", "worker")}
