"""docker-compose.yml: valid, pinned, and true to what `undertone` and its settings are."""

from __future__ import annotations

import copy
import re
import shutil
import subprocess
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from ops.local.questdb import COLUMN_PAGES, POLITE_WORKERS
from tests.ops.commands import ROOT
from tests.ops.compose import problems

FILE = ROOT / "docker-compose.yml"


class OneOfEach(yaml.SafeLoader):
    """A key that is given twice is an error, as in Compose; PyYAML takes the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if twice := {key for key in keys if keys.count(key) > 1}:
            raise yaml.YAMLError(f"{node.start_mark}: {twice} given twice")
        return super().construct_mapping(node, deep)


def document(text: str = "") -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(text or FILE.read_text(encoding="utf-8"), OneOfEach)
    return loaded


def test_the_compose_file_keeps_the_rules() -> None:
    assert problems(document()) == []


def test_a_key_given_twice_is_found() -> None:
    with pytest.raises(yaml.YAMLError, match="given twice"):
        document("a: 1\nb: {c: 1, c: 2}\n")


FAULTS: dict[str, tuple[list[str], Any, str]] = {
    "unknown top level": (["service"], {}, "top level: unknown service"),
    "unknown key": (["services", "redis", "enviroment"], {}, "unknown key enviroment"),
    "image of any version": (["services", "redis", "image"], "redis:latest", "not pinned"),
    "image without version": (["services", "redis", "image"], "redis", "not pinned"),
    "nothing to wait for": (["services", "kafka", "healthcheck"], None, "kafka, which has no check"),
    "unknown condition": (["services", "grafana", "depends_on", "prometheus", "condition"], "ready", "condition ready"),
    "missing service": (["services", "questdb"], None, "depends on questdb, which doesn't exist"),
    "restarts for ever": (["services", "topics", "restart"], "always", "waits for the end of topics"),
    "other profile": (["services", "topics", "profiles"], ["default"], "not in every profile"),
    "open to all": (["services", "redis", "ports"], ["6379:6379"], "loopback alone"),
    "two on one port": (["services", "redis", "ports"], ["127.0.0.1:9000:6379"], "both want port 9000"),
    "unknown volume": (["services", "redis", "volumes"], ["other:/data"], "volume other is not declared"),
    "missing file": (["services", "redis", "volumes"], ["./redis.conf:/etc/x"], "./redis.conf doesn't exist"),
    "unknown setting": (["services", "demo", "environment", "UNDERTONE_API__HOTS"], "x", "UNDERTONE_API__HOTS"),
    "not of ours": (["services", "demo", "environment", "API_HOTS"], "x", "API_HOTS is no setting"),
    "bad value": (["services", "demo", "environment", "API_PORT"], "many", "expected an integer"),
    "unknown command": (["services", "demo", "command"], ["demonstrate"], "No such command"),
    "unknown option": (["services", "demo", "command"], ["demo", "--port-number", "1"], "No such option"),
    "no duration": (["services", "redis", "healthcheck", "interval"], "5 seconds", "interval is no duration"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found(name: str) -> None:
    path, value, words = FAULTS[name]
    broken = copy.deepcopy(document())
    place = broken
    for key in path[:-1]:
        place = place[key]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    assert any(words in problem for problem in problems(broken)), problems(broken)


def test_its_servers_are_those_that_the_tests_run_without_docker() -> None:
    space = {"m": "http://maven.apache.org/POM/4.0.0"}
    pom = ElementTree.parse(ROOT / "ops" / "local" / "pom.xml")
    versions = {
        dependency.findtext("m:groupId", namespaces=space): dependency.findtext("m:version", namespaces=space)
        for dependency in pom.iterfind(".//m:dependency", space)
    }
    services = document()["services"]
    assert services["kafka"]["image"] == services["topics"]["image"] == f"apache/kafka:{versions['org.apache.kafka']}"
    assert services["questdb"]["image"] == f"questdb/questdb:{versions['org.questdb']}"


def test_its_questdb_takes_no_more_disk_or_cores_than_the_one_without_docker() -> None:
    environment = document()["services"]["questdb"]["environment"]
    for key, value in (COLUMN_PAGES | POLITE_WORKERS).items():
        assert environment[f"QDB_{key.upper().replace('.', '_')}"] == value


def test_what_runs_on_and_on_has_a_health_check() -> None:
    services = document()["services"]
    without = {name for name, service in services.items() if "healthcheck" not in service}
    assert without == {"topics", "replay", "publish", "demo"}  # the first three end; the demo shows itself


def test_the_comment_names_profiles_and_services_that_exist() -> None:
    services = document()["services"]
    profiles = {profile for service in services.values() for profile in service.get("profiles", ())}
    comment = "".join(line for line in FILE.read_text(encoding="utf-8").splitlines(True) if line.startswith("#"))
    assert set(re.findall(r"--profile (\w+)", comment)) == {"default", "gpu", "obs", "train"}
    assert profiles == {"default", "gpu", "obs", "feed", "history", "demo", "train"}
    assert set(re.findall(r"docker compose (?:up|run --rm) (?:-d +)?([a-z][\w-]*)", comment)) <= set(services)


def test_docker_itself_takes_it() -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker compose is not installed")
    for profile in ("default", "gpu", "obs", "feed", "history", "demo"):
        command = [docker, "compose", "-f", str(FILE), "--profile", profile, "config", "--quiet"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
