"""The table of symbols: what REST says, then what the WebSocket brings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import CONNECTED, Service, Watch
from tests.web.market import Market

ARROWS = {"bullish": "▲", "bearish": "▼", "neutral": "•"}


@pytest.fixture
def table(page: Page, service: Service) -> Page:
    """The page once it shows the table and is connected."""
    service.market.step()
    page.goto(service.url)
    expect(page.locator("#state")).to_have_text(CONNECTED)
    expect(page.get_by_role("rowheader")).to_have_count(len(service.market.names))
    return page


def names(page: Page) -> list[str]:
    return page.locator(".board th.symbol a").all_inner_texts()


def price(value: float) -> str:
    return f"{value:,.{2 if value >= 100 else 4}f}"


def shows(page: Page, service: Service) -> None:
    """Every row comes to say what the newest prediction of REST says."""
    for said in service.get("predictions/latest")["predictions"]:
        row = page.locator("tr", has=page.get_by_role("link", name=said["symbol"], exact=True))
        bps = 100 * said["expected_return"]
        expect(row.locator(".expected")).to_have_text(f"{'−' if bps < 0 else '+'}{abs(bps):.2f}")
        expect(row.locator(".price")).to_have_text(price(said["current_price"]))
        expect(row.locator(".direction")).to_have_text(f"{ARROWS[said['direction']]} {said['direction']}")
        expect(row.locator(".confidence")).to_have_text(f"{int(100 * said['confidence'] + 0.5)} %")


def test_rows_say_what_rest_says_and_go_on_with_the_websocket(table: Page, service: Service, market: Market) -> None:
    shows(table, service)
    table.evaluate("window.unreloaded = true")
    for _ in range(3):
        market.step()
    shows(table, service)
    assert table.evaluate("window.unreloaded") is True
    expect(table.locator(".summary")).to_contain_text(f"{len(market.names)} symbols")


def test_columns_are_sorted_by_mouse_and_the_address_remembers(table: Page, service: Service) -> None:
    table.get_by_role("columnheader", name="Confidence").get_by_role("button").click()
    expect(table.get_by_role("columnheader", name="Confidence")).to_have_attribute("aria-sort", "descending")
    said = service.get("predictions/latest")["predictions"]
    ranked = [row["symbol"] for row in sorted(said, key=lambda row: -row["confidence"])]
    expect(table.locator(".board th.symbol a")).to_have_text(ranked)
    assert "sort=confidence" in table.url
    table.reload()
    expect(table.locator(".board th.symbol a")).to_have_text(ranked)


def test_rows_are_filtered_and_opened_by_keyboard(table: Page) -> None:
    table.keyboard.press("/")
    table.keyboard.type("syn01")
    expect(table.locator(".board th.symbol a")).to_have_text(["SYN010", "SYN011"])
    assert "text=syn01" in table.url
    table.keyboard.press("Escape")
    table.locator("#filter").fill("")
    table.locator("#filter").blur()
    for key in ("ArrowDown", "ArrowDown", "End", "ArrowUp"):
        table.keyboard.press(key)
    expect(table.get_by_role("link", name="SYN010", exact=True)).to_be_focused()
    table.keyboard.press("Enter")
    expect(table.get_by_role("heading", level=1)).to_have_text("SYN010")
    table.go_back()
    expect(table.get_by_role("rowheader")).to_have_count(12)


ANSWERED_AS_ONE_LEAVES = """() => {
  const ask = window.fetch;
  window.fetch = async (path, options) => {
    if (path !== "symbols") return ask(path, options);
    const answer = await ask(path, options), said = await answer.json();
    await new Promise((there) => addEventListener("popstate", there, { once: true }));
    return { ok: true, json: async () => said };
  };
}
"""


def test_an_answer_that_comes_as_one_leaves_does_not_bring_one_back(table: Page, service: Service) -> None:
    with table.expect_response(f"{service.url}/symbols"):
        table.evaluate(ANSWERED_AS_ONE_LEAVES)
        table.get_by_role("link", name="SYN010", exact=True).click()
    expect(table.get_by_role("heading", level=1)).to_have_text("SYN010")
    table.go_back()
    expect(table.get_by_role("rowheader")).to_have_count(len(service.market.names))
    assert "SYN010" not in table.url


def test_an_address_of_no_view_leads_to_the_table(page: Page, service: Service) -> None:
    page.goto(f"{service.url}/#/nowhere/at-all")
    expect(page).to_have_url(f"{service.url}/#/symbols")
    expect(page.get_by_role("rowheader")).to_have_count(len(service.market.names))


def test_the_focus_stays_with_its_symbol_while_rows_change_places(table: Page, market: Market) -> None:
    table.get_by_role("columnheader", name="Expected").get_by_role("button").click()
    table.get_by_role("link", name="SYN003", exact=True).focus()
    before = names(table)
    market.step()
    table.wait_for_function(
        "before => [...document.querySelectorAll('.board th.symbol a')].some((a, k) => a.innerText !== before[k])",
        arg=before,
    )
    expect(table.get_by_role("link", name="SYN003", exact=True)).to_be_focused()


def test_after_a_restart_of_the_service_it_goes_on(
    table: Page, service: Service, market: Market, watch_of: dict[Page, Watch]
) -> None:
    service.stop()
    expect(table.locator("#state")).to_contain_text("disconnected")
    assert table.locator("#state").get_attribute("aria-live") == "polite"
    market.step()
    service.start()
    expect(table.locator("#state")).to_have_text(CONNECTED)
    shows(table, service)
    market.step()
    shows(table, service)
    unexpected = [text for text in watch_of[table].problems if "ERR_CONNECTION" not in text and "WebSocket" not in text]
    assert unexpected == []
    watch_of[table].problems.clear()


@pytest.fixture
def thousand(tmp_path: Path) -> Iterator[Service]:
    service = Service(Market(tmp_path, 1000, 3))
    yield service
    service.close()


def test_a_thousand_symbols_cost_what_is_in_sight(thousand: Service, page: Page) -> None:
    page.goto(thousand.url)
    expect(page.locator("#state")).to_have_text(CONNECTED)
    expect(page.get_by_role("table")).to_have_attribute("aria-rowcount", "1001")
    page.keyboard.press("End")
    last = page.get_by_role("link", name="SYN999", exact=True)
    expect(last).to_be_focused()
    expect(last).to_be_in_viewport()
    assert page.locator(".board tr").count() < 60
    thousand.market.step()
    newest = thousand.get("predictions/latest", symbols="SYN999")["predictions"][0]["current_price"]
    expect(page.locator("tr", has=last).locator(".price")).to_have_text(price(newest))


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Service]:
    service = Service(Market(tmp_path, 1, 0))
    yield service
    service.close()


def test_an_empty_store_says_how_to_start(empty: Service, page: Page) -> None:
    page.goto(empty.url)
    expect(page.get_by_text("No predictions yet", exact=True)).to_be_visible()
    expect(page.get_by_text("undertone demo")).to_be_visible()
    expect(page.locator("#state")).to_have_text("connected, no predictions yet")
