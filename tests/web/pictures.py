"""Make the pictures of docs/page.md again, from a service that runs: `python -m tests.web.pictures URL`.

`undertone demo --symbols 40` and five minutes of patience (the chart's bars) give what is there now.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

DOCS = Path(__file__).resolve().parents[2] / "docs"
MOST_BYTES = 200_000
SETTLED_MS = 6_000
# name: view, colours, width, height
PICTURES = {
    "page": ("symbols?timeframe=1s", "light", 1280, 800),
    "page-symbol": ("symbol/SYN000?timeframe=1s", "dark", 1280, 1180),
    "page-health": ("health", "light", 1280, 900),
    "page-phone": ("symbols?timeframe=1s", "dark", 360, 640),
}


def main(url: str) -> None:
    """Write each picture; raises where one is too large to be kept in the repository."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, (view, scheme, width, height) in PICTURES.items():
            page = browser.new_page(viewport={"width": width, "height": height})
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.goto(f"{url}/#/{view}")
            page.wait_for_timeout(SETTLED_MS)
            path = DOCS / f"{name}.png"
            page.screenshot(path=path)
            page.close()
            assert path.stat().st_size <= MOST_BYTES, f"{path} has {path.stat().st_size:,} bytes"
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
