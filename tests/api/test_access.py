"""Tokens, scopes, limits and sizes of a service that can be reached from elsewhere."""

from __future__ import annotations

import asyncio
import datetime as dt
import stat
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import redis.asyncio
from fastapi import FastAPI

from api.access import Access, Limits, TokenRefused, Tokens
from api.access.windows import SharedWindows
from api.app import create_app
from api.main import open_reader
from ops.commands import api as command
from ops.errors import ConfigurationError
from ops.settings import Settings


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return Tokens(tmp_path / "tokens.json")


def service(tmp_path: Path, tokens: Tokens, limits: Limits | None = None, most: int = 1 << 20) -> FastAPI:
    reader = open_reader(f"sqlite:///{tmp_path}/none.db")
    return create_app(reader, access=Access(tokens, limits or Limits(10_000, 10_000), most))


async def answer(app: FastAPI, url: str, token: str = "", method: str = "GET", **request: Any) -> httpx.Response:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return await client.request(method, url, headers={**headers, **request.pop("headers", {})}, **request)


def ask(app: FastAPI, url: str, token: str = "", method: str = "GET", **request: Any) -> httpx.Response:
    return asyncio.run(answer(app, url, token, method, **request))


def test_a_token_is_kept_as_a_hash_readable_by_its_owner(tokens: Tokens, tmp_path: Path) -> None:
    secret = tokens.create("ann", "read")
    text = (tmp_path / "tokens.json").read_text()
    assert secret.rsplit("_", 1)[-1] not in text and "ann" in text
    assert stat.S_IMODE((tmp_path / "tokens.json").stat().st_mode) == 0o600
    found = Tokens(tmp_path / "tokens.json").find(secret)
    assert found is not None and found.name == "ann"


@pytest.mark.parametrize("spoil", [str.upper, lambda t: t[:-1], lambda t: t + "x", lambda t: "", lambda t: t[3:]])
def test_a_spoiled_token_is_none(tokens: Tokens, spoil: Any) -> None:
    assert tokens.find(spoil(tokens.create("ann", "admin"))) is None


def test_revoked_and_expired_tokens_are_none(tokens: Tokens) -> None:
    kept, gone = tokens.create("kept", "read"), tokens.create("gone", "read")
    old = tokens.create("old", "read", dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1))
    tokens.revoke(gone.split("_")[1])
    assert [tokens.find(token) is not None for token in (kept, gone, old)] == [True, False, False]
    with pytest.raises(TokenRefused, match="token list"):
        tokens.revoke("nobody")
    with pytest.raises(TokenRefused, match="'read', 'train', 'admin'"):
        tokens.create("x", "root")


def test_a_running_service_notices_a_new_and_a_revoked_token(tokens: Tokens, tmp_path: Path) -> None:
    app = service(tmp_path, tokens)
    assert ask(app, "/health").status_code == 401
    secret = Tokens(tmp_path / "tokens.json").create("ann", "read")  # as another process would
    assert ask(app, "/health", secret).status_code == 200
    Tokens(tmp_path / "tokens.json").revoke(secret.split("_")[1])
    assert ask(app, "/health", secret).status_code == 401


def test_every_route_but_probes_and_the_page_asks_for_a_token(tokens: Tokens, tmp_path: Path) -> None:
    app, secret = service(tmp_path, tokens), tokens.create("ann", "admin")
    paths = ask(app, "/openapi.json").json()["paths"]
    for path, calls in paths.items():
        for method in calls:
            found = ask(app, path, method=method.upper())
            probe = path in ("/livez", "/readyz", "/metrics")
            assert (found.status_code == 401) is not probe, (method, path)
            assert ask(app, path, secret, method=method.upper()).status_code != 401
    files = ("/", "/app.js", "/views/health.js", "/vendor/uPlot.esm.js")
    assert {ask(app, name).status_code for name in files} == {200}
    assert ask(app, "/nothing").status_code == 401
    problem = ask(app, "/health").json()
    assert problem["status"] == 401 and "token create" in problem["detail"]
    assert ask(app, "/health").headers["www-authenticate"] == "Bearer"


def test_an_api_key_is_a_token_in_a_header_of_its_own(tokens: Tokens, tmp_path: Path) -> None:
    app, secret = service(tmp_path, tokens), tokens.create("ann", "read")
    assert ask(app, "/health", headers={"x-api-key": secret}).status_code == 200


@pytest.mark.parametrize("shared", [False, True])
def test_too_many_requests_wait_as_long_as_they_are_told(
    tokens: Tokens, tmp_path: Path, shared: bool, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("redis_server") if shared else None
    ann, bob = tokens.create("ann", "read"), tokens.create("bob", "read")

    async def scenario() -> list[httpx.Response]:
        limits = [Limits(6, 4, url) for _ in range(2 if shared else 1)]
        apps = [service(tmp_path, tokens, each) for each in limits]
        calls = [*((k % len(apps), "/health", ann) for k in range(5)), (-1, "/health", bob), (0, "/livez", "")]
        try:
            return [await answer(apps[k], url, token) for k, url, token in calls]
        finally:
            for each in limits:
                await each.close()

    *mine, other, probe = asyncio.run(scenario())
    assert [a.status_code for a in mine] == [200] * 4 + [429]  # four in a second, whichever process answers
    assert mine[-1].json()["status"] == 429 and 1 <= int(mine[-1].headers["retry-after"]) <= 60
    assert other.status_code == 200, "each client is counted by itself"
    assert probe.status_code == 200


def test_shared_windows_let_through_what_fits_in_all_of_them(redis_server: str) -> None:
    windows = [(3, 0.05), (8, 0.4), (1000, 60.0)]
    random = np.random.default_rng(7)

    async def scenario() -> tuple[list[float], int]:
        passed = list[float]()
        async with redis.asyncio.from_url(redis_server) as client:
            shared = [SharedWindows(redis_server, windows) for _ in range(2)]
            await shared[0].wait("another")  # the script is there from here on
            await client.config_resetstat()
            calls = 0
            while len(passed) < 40:
                calls += 1
                if wait := await shared[calls % 2].wait("ann"):
                    if random.random() < 0.5:  # else it comes too early
                        await asyncio.sleep(wait)
                        calls += 1
                        assert await shared[0].wait("ann") == 0, "who waited as long as it was told is let through"
                    else:
                        continue
                passed.append(float(await client.lindex("limits:ann", 0)))
            asked = (await client.info("commandstats"))["cmdstat_evalsha"]["calls"]
            await client.lpush("limits:bob", *[0.0] * 2000)
            assert await shared[0].wait("bob") == 0
            assert await client.llen("limits:bob") == 1000, "no more is kept than can refuse"
            assert 0 < await client.ttl("limits:bob") <= 60
            for each in shared:
                await each.close()
        return passed, asked - calls

    passed, more = asyncio.run(scenario())
    assert more == 0, "one call of Redis a request"
    assert len(passed) == len(set(passed))
    for amount, seconds in windows:
        spans = [late - early for early, late in zip(passed, passed[amount:], strict=False)]
        assert min(spans, default=seconds) >= seconds - 2e-6, "more than the window lets through"


def test_without_redis_each_process_counts_for_itself(tokens: Tokens, tmp_path: Path) -> None:
    app = service(tmp_path, tokens, Limits(100, 2, "redis://127.0.0.1:1/0"))
    ann = tokens.create("ann", "read")
    assert [ask(app, "/health", ann).status_code for _ in range(3)] == [200, 200, 429]


def test_a_large_body_is_refused_whether_or_not_it_is_announced(tokens: Tokens, tmp_path: Path) -> None:
    app, ann = service(tmp_path, tokens, most=2048), tokens.create("ann", "read")

    async def endless() -> Any:
        for _ in range(100):
            yield b" " * 1024

    for body in (b" " * 4096, endless()):
        found = ask(app, "/analyze", ann, "POST", content=body, headers={"content-type": "application/json"})
        assert found.status_code == 413 and "2048 bytes" in found.json()["detail"]


def test_it_does_not_listen_beyond_the_loopback_without_tokens(tmp_path: Path) -> None:
    settings = Settings.model_validate({"api": {"host": "0.0.0.0"}, "store": {"url": f"sqlite:///{tmp_path}/x.db"}})
    with pytest.raises(ConfigurationError, match=r"api\.auth"):
        command.run(settings, json=False)


@pytest.mark.parametrize(
    ("origin", "passes"),
    [
        (None, True),
        ("http://api", True),
        ("http://evil.example", False),
        ("null", False),
        ("http://good.example", True),
    ],
)
def test_a_page_from_elsewhere_changes_nothing(tmp_path: Path, origin: str | None, passes: bool) -> None:
    app = create_app(open_reader(f"sqlite:///{tmp_path}/none.db"), cors_origins=["http://good.example"])
    headers = {} if origin is None else {"origin": origin}
    assert (ask(app, "/api/ai/models/x/activate", method="POST", headers=headers).status_code != 403) is passes
    assert ask(app, "/livez", headers=headers).status_code == 200
