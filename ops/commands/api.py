"""`undertone api`: serve what the dataflow wrote."""

from __future__ import annotations

import importlib.metadata
import ipaddress
import socket
from typing import TYPE_CHECKING

from ops.errors import ConfigurationError, DependencyAway
from ops.log import logger
from ops.settings import Settings
from ops.traces import tracer_provider

if TYPE_CHECKING:
    from api.access import Access


def run(settings: Settings, *, json: bool) -> int:
    """Serve until SIGINT or SIGTERM. Raises DependencyAway where the port is taken."""
    from api.main import serve
    from models.explain.cache import ExplanationFolder

    if not settings.store.url.startswith(("sqlite:", "questdb:")):
        raise ConfigurationError(
            f"the service reads sqlite:///path or questdb://host:port, setting store.url is {settings.store.url!r}"
        )
    host, port = settings.api.host, settings.api.port
    check_free(host, port)
    log = logger("api")
    access = _access(settings)
    log.info("serving", url=f"http://{host}:{port}", store=settings.store.url, namespace=settings.store.namespace)
    if access is None:
        log.warning("no tokens asked for and no limits: whoever is on this machine may ask everything (api.auth)")
    serve(
        settings.store.url, namespace=settings.store.namespace, host=host, port=port,
        cache_ttl=settings.api.cache_ttl, cors_origins=settings.api.cors_origins,
        version=importlib.metadata.version("undertone"), access=access,
        bus=settings.bus.url, dataflow_url=settings.api.dataflow_url, registry=settings.registry.root,
        access_log=settings.api.access_log,
        tracer=tracer_provider(settings.api.traces, "undertone-api") if settings.api.traces else None,
        jobs_url=settings.jobs.url, own_architectures=bool(settings.models.modules),
        explanations=ExplanationFolder(settings.explain.directory, settings.explain.keep),
    )  # fmt: skip
    return 0


def _access(settings: Settings) -> Access | None:
    """Return what clients are asked for. Raises ConfigurationError where anyone could come from elsewhere."""
    from api.access import Access, Limits, TokenRefused, Tokens

    chosen = settings.api
    if not chosen.auth:
        if _loopback(chosen.host) or chosen.trusted:
            return None
        raise ConfigurationError(
            f"api.host is {chosen.host!r}, which others can reach, and api.auth is off; set api.auth and make tokens "
            "with `undertone token create`, or listen on 127.0.0.1 (api.trusted: a container published there)"
        )
    tokens = Tokens(chosen.tokens)
    try:
        there = tokens.all()
    except TokenRefused as error:
        raise ConfigurationError(f"api.tokens: {error}") from None
    if not there:
        logger("api").warning("there are no tokens, so nobody can ask anything: undertone token create NAME")
    url = settings.bus.url
    shared = url if url.startswith(("redis:", "rediss:")) else None
    return Access(tokens, Limits(settings.api.rate, settings.api.burst, shared), settings.api.largest_body)


def check_free(host: str, port: int) -> None:
    """Raise DependencyAway where the port can't be listened on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise DependencyAway(
                f"{host}:{port} can't be listened on: {error.strerror or error}; stop what listens there, or set "
                "api.host and api.port"
            ) from None


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
