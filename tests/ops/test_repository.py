"""Habits of the repository: pages are fresh, the lock names no address, no file names a machine's paths."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from ops import metrics, pages
from tests.ops.commands import ROOT


def tracked() -> list[Path]:
    """Return the repository's text files; without git (a source archive) the test is skipped."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: there is no list of the repository's files")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()[:8192]]


@pytest.mark.parametrize("name", pages.PAGES)
def test_reference_pages_are_fresh(name: str) -> None:
    assert (pages.DOCS / name).read_text(encoding="utf-8") == pages.PAGES[name](), "run python -m ops.pages"


def test_a_stale_page_fails_the_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pages, "DOCS", tmp_path)
    assert pages.main([]) == 0
    assert pages.main(["--check"]) == 0
    (tmp_path / "settings.md").write_text("old", encoding="utf-8")
    assert pages.main(["--check"]) == 1
    assert "docs/settings.md is stale; run python -m ops.pages" in capsys.readouterr().err


def test_no_file_names_a_path_of_one_machine() -> None:
    pattern = re.compile(r"(?<![\w./-])/(work|root|home)/\w")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked()
        if path.suffix not in (".lock", ".parquet")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


def test_links_between_pages_lead_somewhere() -> None:
    link = re.compile(r"\]\((?!\w+:)([^)\s#]*)(?:#([^)\s]*))?\)")
    found = []
    for page in (path for path in tracked() if path.suffix == ".md"):
        for file, place in link.findall(page.read_text(encoding="utf-8")):
            target = page.parent / file if file else page
            if not target.exists() or (place and place not in anchors(target)):
                found.append(f"{page.relative_to(ROOT)}: {file}#{place}")
    assert found == []


def anchors(page: Path) -> set[str]:
    """Return the places that headings make, as GitHub names them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", ["requirements.lock", "ops/installer.lock"])
def test_locks_hold_names_versions_and_hashes_only(name: str) -> None:
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        assert "://" not in line
        assert "index" not in line
        assert re.match(r"#|[a-z0-9.-]+==\S+( ; .+)? \\$|    --hash=sha256:[0-9a-f]{64}( \\)?$", line), line


def test_every_dependency_is_in_the_lock() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    locked = set(re.findall(r"^([a-z0-9.-]+)==", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.M))
    assert {re.split(r"[=<>\[]", name)[0] for name in wanted} <= locked


def test_metrics_carry_no_label_without_bound() -> None:
    labels = {label for metric in metrics.declared() for label in metric.labels}
    assert labels <= {
        "kind", "reason", "timeframe", "station", "part", "version", "partition", "stage", "tier", "ignored",
    }  # fmt: skip


def test_every_metric_is_in_the_exposition_with_its_description() -> None:
    text = metrics.text().decode()
    for metric in metrics.declared():
        assert f"# HELP {metric.name} {metric.description}" in text
        assert f"# TYPE {metric.name} {metric.kind}" in text
