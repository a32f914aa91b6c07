"""Redis: the bus, with an append-only file so that its streams outlive a restart."""

from __future__ import annotations

from ops.local.programs import find
from ops.local.server import HOST, Server


class Redis(Server):
    """`ports`: clients."""

    name = "redis"

    @property
    def address(self) -> str:
        """Setting bus.url."""
        return f"redis://{HOST}:{self.ports['clients']}/0"

    def need(self) -> None:
        """redis-server."""
        find("redis-server")

    def prepare(self) -> list[str]:
        """Write redis.conf."""
        values = {
            "bind": HOST,
            "port": str(self.ports["clients"]),
            "dir": str(self.folder),
            "appendonly": "yes",
            "save": '""',
            **self.options,
        }
        path = self.folder / "redis.conf"
        path.write_text("".join(f"{key} {value}\n" for key, value in values.items()), encoding="utf-8")
        return [find("redis-server"), str(path)]

    def ask(self) -> None:
        """PING."""
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        with redis.Redis(
            host=HOST, port=self.ports["clients"], socket_timeout=2.0, socket_connect_timeout=2.0,
            retry=Retry(NoBackoff(), 0),
        ) as client:  # fmt: skip
            client.ping()
