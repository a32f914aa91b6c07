"""The proxy does what its faults say, against a server that echoes."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest

from tests.network.proxy import Proxy, proxied


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        try:
            while data := self.request.recv(65536):
                self.request.sendall(data)
        except OSError:
            pass


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with proxied(server.server_address[1]) as proxy:
            yield proxy
        server.shutdown()


def connected(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5.0)


def echoed(client: socket.socket, n: int = 5) -> bytes:
    client.sendall(b"x" * n)
    found = b""
    while len(found) < n and (more := client.recv(65536)):
        found += more
    return found


def test_without_a_fault_all_bytes_pass(proxy: Proxy) -> None:
    with connected(proxy) as client:
        assert len(echoed(client, 1_000_000)) == 1_000_000
    assert proxy.felt == 0


def test_a_delay_holds_both_directions_up(proxy: Proxy) -> None:
    with connected(proxy) as client:
        proxy.delay(0.1)
        began = time.monotonic()
        assert echoed(client) == b"xxxxx"
        assert time.monotonic() - began >= 0.2
        assert proxy.felt == 2
        proxy.heal()
        began = time.monotonic()
        assert echoed(client) == b"xxxxx"
        assert time.monotonic() - began < 0.1


def test_a_cut_ends_a_connection_after_its_bytes(proxy: Proxy) -> None:
    proxy.cut(after=105)
    with connected(proxy) as client:
        client.sendall(b"x" * 100)
        received = b""
        with pytest.raises(ConnectionResetError):
            while True:
                more = client.recv(100)
                received += more
                if not more:
                    raise ConnectionResetError
        assert len(received) <= 5
    assert proxy.felt == 1


def test_a_reset_reaches_old_and_new_connections(proxy: Proxy) -> None:
    with connected(proxy) as old:
        assert echoed(old) == b"xxxxx"
        proxy.reset()
        with pytest.raises(ConnectionError):
            old.recv(1)
        with pytest.raises(ConnectionError):  # noqa: SIM117
            with connected(proxy) as new:
                echoed(new)
                raise ConnectionResetError("closed in order" if new.recv(1) == b"" else "answered")
        assert proxy.felt > 0
        proxy.heal()
        with connected(proxy) as newer:
            assert echoed(newer) == b"xxxxx"


def test_a_half_open_connection_never_answers_not_even_afterwards(proxy: Proxy) -> None:
    with connected(proxy) as old:
        assert echoed(old) == b"xxxxx"
        proxy.half_open()
        with connected(proxy) as new:
            for client in (old, new):
                client.settimeout(0.2)
                with pytest.raises(TimeoutError):
                    echoed(client)
            assert proxy.felt >= 2
            proxy.heal()
            for client in (old, new):
                with pytest.raises(TimeoutError):
                    echoed(client)
    with connected(proxy) as newer:
        assert echoed(newer) == b"xxxxx"


def test_a_slow_reader_holds_the_sender_up(proxy: Proxy) -> None:
    proxy.slow(200_000)
    with connected(proxy) as client:
        began = time.monotonic()
        assert len(echoed(client, 100_000)) == 100_000
        assert time.monotonic() - began >= 0.5
