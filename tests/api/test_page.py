"""The page: plain files that load nothing from elsewhere."""

from __future__ import annotations

import re

import pytest

from api.app import WEB
from tests.api.conftest import Get

FILES = sorted(file.name for file in WEB.iterdir())


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_the_page_names_no_other_host(name: str) -> None:
    text = (WEB / name).read_text().replace("http://www.w3.org/2000/svg", "")  # a name, not an address
    assert not re.findall(r"(?:https?:)?//[\w.-]+\.\w+", text)


def test_every_file_that_the_page_names_is_served_and_no_other_is_there(get: Get) -> None:
    named, waiting = {"index.html"}, ["index.html"]
    while waiting:
        answer = get("/" + waiting.pop())
        assert answer.status_code == 200
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
        found = re.findall(r'(?:src=|href=|from )"(?:\./)?([\w-]+\.(?:js|css|svg))"', answer.text)
        waiting += sorted(set(found) - named)
        named |= set(found)
    assert named == set(FILES)


@pytest.mark.usefixtures("station")
def test_the_page_asks_for_addresses_that_answer(get: Get) -> None:
    texts = "".join((WEB / name).read_text() for name in FILES)
    asked = set(re.findall(r'ask\("(\w+)"', texts)) | set(re.findall(r'<a href="([\w./]+)"', texts))
    assert {"board", "health", "symbols"} <= asked
    assert {get("/" + url).status_code for url in asked} == {200}
