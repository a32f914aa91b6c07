"""`undertone api`: serve what the dataflow wrote."""

from __future__ import annotations

import importlib.metadata
import ipaddress
import socket

from ops.errors import ConfigurationError, DependencyAway
from ops.log import logger
from ops.settings import Settings


def run(settings: Settings, *, json: bool) -> int:
    """Serve until SIGINT or SIGTERM. Raises DependencyAway where the port is taken."""
    from api.main import serve

    if not settings.store.url.startswith(("sqlite:", "questdb:")):
        raise ConfigurationError(
            f"the service reads sqlite:///path or questdb://host:port, setting store.url is {settings.store.url!r}"
        )
    host, port = settings.api.host, settings.api.port
    check_free(host, port)
    log = logger("api")
    log.info("serving", url=f"http://{host}:{port}", store=settings.store.url, namespace=settings.store.namespace)
    if not _loopback(host):
        log.warning("no authentication yet, and not on loopback: whoever reaches this port can read everything")
    serve(
        settings.store.url, namespace=settings.store.namespace, host=host, port=port,
        cache_ttl=settings.api.cache_ttl, cors_origins=settings.api.cors_origins,
        version=importlib.metadata.version("undertone"),
    )  # fmt: skip
    return 0


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
