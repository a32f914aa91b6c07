"""A service over a seeded market, and a real browser that looks at its page."""

from __future__ import annotations

import os
import re
import shutil
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from api.access import Access
from api.app import create_app
from api.main import make_server, open_reader
from models.explain.cache import ExplanationFolder
from models.jobs.jobs import Jobs
from models.jobs.opening import open_records
from tests.web.market import Market

SYMBOLS, BARS = 12, 130
CONNECTED = re.compile("live|stale")  # stale: a slow machine closed no bar for ten seconds
PATIENCE_MS = 20_000
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


class Service:
    """The embedded service in a thread: it can stop, and start again on its port."""

    def __init__(self, market: Market, access: Access | None = None) -> None:
        self.market, self.access, self.port = market, access, 0
        folder = market.path.parent
        self.records = open_records(f"sqlite:///{folder}/jobs.db")
        self.jobs, self.explanations = Jobs(self.records), ExplanationFolder(folder / "explained", 100)
        self.start()

    def start(self) -> None:
        self._reader = open_reader(f"sqlite:///{self.market.path}")
        app = create_app(self._reader, version="0.1.0", versions=self.market.versions, access=self.access,
                         jobs=self.jobs, explanations=self.explanations)  # fmt: skip
        self._server = make_server(app, "127.0.0.1", self.port)
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive()
            time.sleep(0.01)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._reader.store.close()

    def close(self) -> None:
        self.stop()
        self.records.close()
        self.market.store.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, **parameters: Any) -> Any:
        answer = httpx.get(f"{self.url}/{path}", params=parameters, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()


class Watch:
    """What a page shouldn't do: write errors on its console, or ask anybody beyond this machine."""

    def __init__(self, page: Page) -> None:
        self.problems: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("request", lambda request: self._request(request.url))
        page.on("websocket", lambda socket: self._request(socket.url))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(message.text)

    def _request(self, url: str) -> None:
        if urlsplit(url).hostname != "127.0.0.1":
            self.problems.append(f"asked {url}")


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Market:
    return Market(tmp_path_factory.mktemp("market"), SYMBOLS, BARS)


@pytest.fixture(scope="module")
def service(market: Market) -> Iterator[Service]:
    service = Service(market)
    yield service
    service.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a head. Of a module: while it is there no other test could run an event loop."""
    program = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if program is None:
        why = f"the page's tests need one of {', '.join(_BROWSERS)} (Debian: apt-get install chromium)"
        pytest.fail(why) if os.environ.get("CI") else pytest.skip(why)
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, watch_of: dict[Page, Watch]) -> Iterator[Page]:
    """A page in a context of its own, which must not have done what `Watch` says."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    watch_of[page] = Watch(page)
    yield page
    problems = watch_of[page].problems
    context.close()
    assert problems == []


@pytest.fixture
def watch_of() -> dict[Page, Watch]:
    """What was seen of a page; a test that breaks something empties it."""
    return {}
