"""Rules of the compose specification, and ours, as far as they can be checked without Docker."""

from __future__ import annotations

import re
import unittest.mock
from collections.abc import Iterator, Mapping
from typing import Any

from ops.cli import app
from ops.command_line import Common
from ops.errors import CommandError
from ops.settings.layers import from_environment
from ops.settings.loading import settings_of
from tests.ops.commands import ROOT

Document = Mapping[str, Any]

TOP = {"name", "version", "include", "services", "networks", "volumes", "secrets", "configs", "models"}
SERVICE = """
    annotations attach blkio_config build cap_add cap_drop cgroup cgroup_parent command configs container_name
    cpu_count cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset credential_spec
    depends_on deploy develop device_cgroup_rules devices dns dns_opt dns_search domainname entrypoint env_file
    environment expose extends external_links extra_hosts gpus group_add healthcheck hostname image init ipc
    isolation label_file labels links logging mac_address mem_limit mem_reservation mem_swappiness memswap_limit
    models network_mode networks oom_kill_disable oom_score_adj pid pids_limit platform ports post_start pre_stop
    privileged profiles provider pull_policy read_only restart runtime scale secrets security_opt shm_size
    stdin_open stop_grace_period stop_signal storage_opt sysctls tmpfs tty ulimits user userns_mode uts volumes "
    volumes_from working_dir
""".split()  # noqa: SIM905 (a list of a hundred words)
HEALTHCHECK = {"disable", "interval", "retries", "start_interval", "start_period", "test", "timeout"}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}
PINNED = re.compile(r"[a-z0-9./-]+:v?\d+\.\d+\.\d+")
DURATION = re.compile(r"(\d+(us|ms|s|m|h))+")
OURS = "undertone"


def problems(document: Document) -> list[str]:
    """Return what is wrong with a compose file, in words; nothing if nothing is."""
    services = document.get("services", {})
    found = [f"top level: unknown {key}" for key in document if key not in TOP and not key.startswith("x-")]
    for name, service in services.items():
        for check in (_keys, _image, _dependencies, _health, _ports, _volumes, _environment, _command):
            found += [f"{name}: {problem}" for problem in check(service, document)]
    return found + list(_clashes(services))


def _keys(service: Document, document: Document) -> Iterator[str]:
    yield from (f"unknown key {key}" for key in service if key not in SERVICE and not key.startswith("x-"))
    for profile in service.get("profiles", ()):
        if not re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+", profile):
            yield f"profile {profile} is no name"


def _image(service: Document, document: Document) -> Iterator[str]:
    image = service.get("image")
    if image == OURS:
        build = service.get("build", {})
        if not (ROOT / build.get("context", "?") / build.get("dockerfile", "?")).is_file():
            yield "our image has no Dockerfile to be built from"
    elif image is None or not PINNED.fullmatch(image):
        yield f"image {image} is not pinned to a version"


def _dependencies(service: Document, document: Document) -> Iterator[str]:
    for other, how in service.get("depends_on", {}).items():
        target = document["services"].get(other)
        if target is None:
            yield f"depends on {other}, which doesn't exist"
            continue
        condition = how.get("condition")
        if condition not in CONDITIONS:
            yield f"depends on {other} with unknown condition {condition}"
        if condition == "service_healthy" and "healthcheck" not in target:
            yield f"waits for the health of {other}, which has no check"
        if condition == "service_completed_successfully" and target.get("restart") != "no":
            yield f"waits for the end of {other}, which restarts"
        missing = set(service.get("profiles", ())) - set(target.get("profiles", service.get("profiles", ())))
        if missing or (target.get("profiles") and not service.get("profiles")):
            yield f"depends on {other}, which is not in every profile of it"


def _health(service: Document, document: Document) -> Iterator[str]:
    check = service.get("healthcheck")
    if check is None:
        return
    yield from (f"healthcheck: unknown {key}" for key in check if key not in HEALTHCHECK)
    if check["test"][0] not in ("CMD", "CMD-SHELL", "NONE"):
        yield "healthcheck: test is a list that begins with CMD"
    for key in ("interval", "timeout", "start_period"):
        if key in check and not DURATION.fullmatch(check[key]):
            yield f"healthcheck: {key} is no duration"


def _ports(service: Document, document: Document) -> Iterator[str]:
    for port in service.get("ports", ()):
        if not re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port):
            yield f"port {port} is not published on the loopback alone"


def _volumes(service: Document, document: Document) -> Iterator[str]:
    for volume in service.get("volumes", ()):
        source = volume.split(":")[0]
        if source.startswith("."):
            if source != "./data" and not (ROOT / source).exists():
                yield f"{source} doesn't exist"
        elif source not in document.get("volumes", {}):
            yield f"volume {source} is not declared"


def _environment(service: Document, document: Document) -> Iterator[str]:
    if service.get("image") != OURS:
        return
    environ = service.get("environment", {})
    if not all(isinstance(value, str) for value in environ.values()):
        yield "a value of environment is no text"
        return
    known = from_environment(environ)
    silent = [name for name in environ if not from_environment({name: environ[name]})]
    yield from (f"environment: {name} is no setting" for name in silent)
    try:
        settings_of(known)
    except CommandError as error:
        yield f"environment: {error}"


def _command(service: Document, document: Document) -> Iterator[str]:
    if service.get("image") != OURS:
        return
    program, *given = service.get("entrypoint", [OURS])
    words = [*given, *service["command"]]
    if program != OURS:
        yield f"{program} is not in our image"
        return
    with unittest.mock.patch.object(Common, "run"):  # a command line is parsed, and nothing is run
        try:
            app(args=words, prog_name=OURS, standalone_mode=False)
        except Exception as error:
            yield f"undertone {' '.join(words)}: {error}"


def _clashes(services: Document) -> Iterator[str]:
    """Yield host ports that two services want which can be up together; `gpu` is run instead of `default`."""
    taken: dict[tuple[str, str], str] = {}
    every = {profile for service in services.values() for profile in service.get("profiles", ())}
    for name, service in services.items():
        for port in service.get("ports", ()):
            for profile in service.get("profiles") or every:
                other = taken.setdefault((port.split(":")[1], profile), name)
                if other != name:
                    yield f"{name} and {other} both want port {port.split(':')[1]}"
