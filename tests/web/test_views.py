"""Models, jobs and health; tokens; and what every view owes those who use a keyboard, a screen reader or a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from api.access import Access, Limits, Tokens
from models.jobs.leases import Leases
from models.jobs.record import Progress
from tests.web.conftest import CONNECTED, Service, Watch
from tests.web.market import Market

VIEWS = ["symbols", "symbol/SYN001?timeframe=1s", "models", "jobs", "health"]
_NAMELESS = """() => [...document.querySelectorAll('a, button, input, select, summary, progress, [role=img], dialog')]
    .filter(e => e.checkVisibility())
    .filter(e => !(e.ariaLabel || e.innerText?.trim() || e.labels?.length || e.getAttribute('aria-labelledby')))
    .map(e => e.outerHTML)"""
# no look again
_IMPATIENT = "const real = setTimeout; window.setTimeout = (work, ms) => ms < 15_000 ? real(work, ms) : 0;"


def opened(page: Page, service: Service, view: str) -> Page:
    service.market.step()
    page.goto(f"{service.url}/#/{view}")
    expect(page.locator("#state")).to_have_text(CONNECTED)
    return page


def test_a_version_is_activated_only_when_confirmed(page: Page, service: Service, market: Market) -> None:
    opened(page, service, "models")
    row = page.get_by_role("row", name=market.other)
    champion = page.get_by_role("row", name=market.champion)
    expect(champion).to_contain_text("★ champion")
    expect(champion).to_contain_text("53.0 %")
    activate = row.get_by_role("button", name=f"Activate {market.other}")
    activate.click()
    expect(page.get_by_role("dialog")).to_contain_text(f"Activate {market.other}?")
    page.keyboard.press("Escape")
    assert market.versions.standing().active["1s"].version == market.champion
    row.get_by_role("button", name="Challenge").click()
    page.get_by_role("dialog").get_by_role("button", name="Challenge").click()
    expect(row).to_contain_text("◇ challenger")
    activate.click()
    page.get_by_role("dialog").get_by_role("button", name="Activate").click()
    expect(row).to_contain_text("★ champion")
    expect(page.get_by_role("status").filter(has_text="is wanted as champion")).to_be_visible()
    assert market.versions.standing().active["1s"].version == market.other
    market.versions.activate(market.champion)


def test_a_job_is_started_shown_and_cancelled(page: Page, service: Service, watch_of: dict[Page, Watch]) -> None:
    opened(page, service, "jobs")
    expect(page.get_by_text("No jobs yet")).to_be_visible()
    page.get_by_label("Timeframes").fill("1s")
    page.get_by_label("Horizon").fill("31")
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_role("alert")).to_contain_text("less than or equal to 30")
    assert all("400" in text for text in watch_of[page].problems)
    watch_of[page].problems.clear()
    page.get_by_label("Horizon").fill("3")
    page.get_by_label("Models").fill("gru+lightgbm")
    page.get_by_role("button", name="Start training").click()
    (job,) = service.get("api/ai/jobs")["jobs"]
    assert (job["model"], job["prediction_horizon"], job["timeframe"]) == ("gru+lightgbm", 3, "1s")
    row = page.get_by_role("row", name=job["job_id"])
    expect(row).to_contain_text("queued")
    expect(row.get_by_role("progressbar")).to_have_attribute("aria-label", f"Progress of {job['job_id']}")
    row.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the job").click()
    expect(row).to_contain_text("cancelled")
    assert service.get("api/ai/jobs")["jobs"][0]["status"] == "cancelled"


def test_what_becomes_of_jobs_is_told_by_the_websocket(page: Page, service: Service) -> None:
    asked: list[str] = []
    page.add_init_script(_IMPATIENT)
    page.on("request", lambda request: asked.append(request.method) if request.url.endswith("/api/ai/jobs") else None)
    opened(page, service, "jobs")
    page.wait_for_load_state("networkidle")
    expect(page.locator("main form")).to_be_visible()
    before = len(asked)
    job = httpx.post(f"{service.url}/api/ai/train", json={"timeframes": ["1s"], "models": ["gru"]}, timeout=30).json()
    row = page.get_by_role("row", name=job["job_id"])
    expect(row).to_contain_text("queued")
    leases = Leases(service.records)
    taken = leases.take("worker")
    assert taken is not None
    assert taken.id == job["job_id"]
    leases.renew(taken.id, taken.attempts, Progress(share=0.25, current_epoch=2, total_epochs=8))
    expect(row).to_contain_text("running")
    expect(row).to_contain_text("25 %")
    expect(row).to_contain_text("2 of 8")
    leases.succeed(taken.id, taken.attempts, "gru_20260101_000000")
    expect(row).to_contain_text("gru_20260101_000000")
    assert len(asked) == before


def test_health_is_that_of_rest(page: Page, service: Service) -> None:
    opened(page, service, "health")
    said = service.get("health")
    for name, dependency in said["dependencies"].items():
        expect(
            page.get_by_role("table", name="Dependencies").get_by_role("row", name=name.replace("_", " ")).first
        ).to_contain_text(dependency["state"])
    expect(
        page.get_by_role("table", name="Latency by stage").get_by_role("row", name="inference", exact=False).first
    ).to_be_visible()
    expect(page.get_by_role("table", name="Tiers")).to_contain_text("cpu")


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_named_reachable_and_fits_a_phone(page: Page, service: Service, view: str) -> None:
    opened(page, service, view)
    expect(page.locator("main h1")).to_have_count(1)
    page.wait_for_load_state("networkidle")
    assert page.evaluate(_NAMELESS) == []
    assert page.evaluate("['header', 'nav', 'main', 'footer'].every(name => document.querySelector(name))")
    page.evaluate("document.activeElement.blur()")
    order = []
    for _ in range(7):
        page.keyboard.press("Tab")
        order.append(page.evaluate("document.activeElement.innerText || document.activeElement.title"))
    assert order[:6] == ["Skip to the view", "Undertone", "Symbols", "Models", "Jobs", "Health"]
    page.set_viewport_size({"width": 360, "height": 740})
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_the_theme_is_chosen_and_kept(page: Page, service: Service) -> None:
    page.emulate_media(color_scheme="light")
    opened(page, service, "health")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    for _ in range(2):
        page.get_by_role("button", name="Theme").click()
    dark = page.evaluate(paper)
    assert dark != light
    page.reload()
    assert page.evaluate(paper) == dark
    page.get_by_role("button", name="Theme").click()
    assert page.evaluate(paper) == light


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[tuple[Service, str]]:
    """A service that asks for tokens, and one."""
    tokens = Tokens(tmp_path / "tokens.json")
    secret = tokens.create("ann", "read")
    service = Service(Market(tmp_path, 3, 20), Access(tokens, Limits(1000, 1000)))
    yield service, secret
    service.close()


def test_a_token_is_asked_for_and_kept_in_the_tab_alone(
    guarded: tuple[Service, str], page: Page, watch_of: dict[Page, Watch]
) -> None:
    service, secret = guarded
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    page.on("websocket", lambda socket: addresses.append(socket.url))
    page.goto(service.url)
    field = page.locator("#token-field")
    field.fill("ut_wrong")
    field.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("unknown or revoked")
    field.fill(secret)
    page.get_by_role("button", name="Use token").click()
    expect(page.get_by_role("rowheader")).to_have_count(3)
    expect(page.locator("#state")).to_have_text(CONNECTED)
    assert page.evaluate("[sessionStorage.length, JSON.stringify(localStorage).includes('ut_')]") == [1, False]
    assert not any(secret in address for address in [*addresses, page.url])
    assert all("401" in text or "WebSocket" in text for text in watch_of[page].problems)
    watch_of[page].problems.clear()
