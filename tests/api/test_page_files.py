"""The page's files: plain ones, small, all used, that load nothing from elsewhere."""

from __future__ import annotations

import hashlib
import posixpath
import re

import pytest

from api.app import WEB
from tests.api.conftest import Get

FILES = sorted(str(file.relative_to(WEB)) for file in WEB.rglob("*") if file.is_file())
OURS = [name for name in FILES if not name.startswith("vendor/")]
MOST_LINES = 150


@pytest.mark.parametrize("name", OURS)
def test_a_file_of_the_page_names_no_other_host(name: str) -> None:
    text = (WEB / name).read_text().replace("http://www.w3.org/2000/svg", "")  # a name, not an address
    assert not re.findall(r"(?:https?:)?//[\w-]+\.[\w.-]+", text)


@pytest.mark.parametrize("name", OURS)
def test_a_file_is_small_and_holds_no_script_or_style_that_the_policy_refuses(name: str) -> None:
    text = (WEB / name).read_text()
    assert text.count("\n") <= MOST_LINES
    assert not re.findall(
        r"\sstyle=|\son\w+=\"|<style|innerHTML|outerHTML|insertAdjacentHTML|\beval\(|new Function", text
    )


def test_vendored_files_are_as_published() -> None:
    readme = (WEB / "vendor/README.md").read_text()
    sums = dict(re.findall(r"^\| `([\w.]+)` .* `([0-9a-f]{64})` \|$", readme, re.MULTILINE))
    assert {f"vendor/{name}" for name in sums} | {"vendor/README.md", "vendor/uPlot.LICENSE.txt"} == set(FILES) - set(
        OURS
    )
    for name, digest in sums.items():
        assert hashlib.sha256((WEB / "vendor" / name).read_bytes()).hexdigest() == digest


def test_every_file_that_the_page_names_is_served_and_no_other_is_there(get: Get) -> None:
    named, waiting = {"index.html"}, ["index.html"]
    while waiting:
        name = waiting.pop()
        answer = get("/" + name)
        assert answer.status_code == 200, name
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
        texts = re.findall(r'(?:src=|href=|from |import )"([\w./-]+\.(?:js|css|svg|txt))"', answer.text)
        found = {posixpath.normpath(posixpath.join(posixpath.dirname(name), text)) for text in texts}
        waiting += sorted(found - named)
        named |= found
    assert named == set(FILES) - {"vendor/README.md"}


@pytest.mark.usefixtures("station")
def test_the_page_asks_for_addresses_that_answer(get: Get) -> None:
    texts = "".join((WEB / name).read_text() for name in OURS)
    asked = set(re.findall(r'\bget\("([\w/]+)"', texts)) | set(re.findall(r'<a href="([\w./]+)"', texts))
    of_symbols = set(re.findall(r'\bof\("([\w/]+)"', texts))
    assert {"api/v1/board", "health", "symbols", "api/v1/flow"} <= asked and {"bars", "api/v1/path"} <= of_symbols
    promised = get("/openapi.json").json()["paths"]
    served = {path.lstrip("/").removesuffix("/{symbol}") for path in promised} | set(FILES) | {"openapi.json"}
    assert asked | of_symbols <= served
