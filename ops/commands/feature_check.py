"""`undertone features check`: run the laws over the catalogue, over a user's own modules, or over some groups."""

from __future__ import annotations

import difflib
import importlib.util
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from features.catalogue import Group, fingerprint, registered
from features.families import groups_of_module
from ops.commands.features import configured_groups
from ops.errors import CommandFailed, ConfigurationError
from ops.settings import Settings
from ops.settings.fields import split_list
from ops.tables import print_json, print_table

LAWS: Final = Path(__file__).resolve().parents[2] / "tests" / "laws"
NEEDED: Final = ("pytest", "pytest_timeout", "hypothesis", "scipy", "statsmodels", "talib")
BROKEN: Final = 1  # pytest's code where tests failed

Broken = dict[str, str]  # law, of (a column or group, and on which market), found


def run(settings: Settings, *, json: bool, modules: Sequence[str], only: str) -> int:
    """Load the modules beside the configured ones, run the laws, and print what is broken; 1 if anything is."""
    named = tuple(dict.fromkeys((*settings.features.modules, *modules)))
    settings = settings.model_copy(update={"features": settings.features.model_copy(update={"modules": named})})
    configured = configured_groups(settings)
    groups = _chosen(registered(), modules, split_list(only)) if modules or only else configured
    missing = _missing()
    if missing and (modules or only):
        raise ConfigurationError(f"features check: {missing}")
    broken = [] if missing else _broken_laws(groups, named)
    laws = f"not run: {missing}" if missing else "broken" if broken else "hold"
    n_columns = sum(len(group.columns) for group in groups)
    if json:
        answer = {"columns": n_columns, "groups": [group.name for group in groups], "fingerprint": fingerprint(groups)}
        print_json({**answer, "laws": laws, "broken": broken})
    else:
        if broken:
            print_table(("broken law", "of", "found"), [tuple(one.values()) for one in broken])
        print(f"{n_columns} columns in {len(groups)} groups, fingerprint {fingerprint(groups)}, laws: {laws}")
    return 1 if broken else 0


def _chosen(known: tuple[Group, ...], modules: Sequence[str], only: Sequence[str]) -> tuple[Group, ...]:
    """Return the groups that are named, else those of the modules."""
    names = {group.name for group in known}
    for name in only:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            advice = f"the nearest known one is {near[0]}" if near else "docs/features.md lists them"
            raise CommandFailed(f"--only names {name!r}, which is no feature group; {advice}")
    own = {group.name for module in modules for group in groups_of_module(module)}
    wanted = set(only) or own
    return tuple(group for group in known if group.name in wanted)


def _missing() -> str:
    """Say what the laws need and is not here; "" if all is."""
    if not LAWS.is_dir():
        return (
            f"{LAWS} is not there: the laws are among the project's tests, which an installed package leaves out; "
            "clone the project's repository at this version, run `make .venv` in it, install your package into that "
            ".venv (or put it on PYTHONPATH), and run the command from there"
        )
    lacking = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    return f"the laws need {', '.join(lacking)}; install the project with its dev dependencies" if lacking else ""


def _broken_laws(groups: tuple[Group, ...], modules: Sequence[str]) -> list[Broken]:
    """Run the laws over the groups, showing their progress on stderr."""
    everything = groups == registered()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "laws.xml")
        environment = {
            **os.environ,
            "UNDERTONE_FEATURES__MODULES": ",".join(modules),
            "LAWS_ONLY": "" if everything else ",".join(group.name for group in groups),
            "PYTHONPATH": os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path),
        }
        command = [
            sys.executable, "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider", "-o", "junit_family=xunit1",
            f"--junitxml={report}", *([] if everything else [f"--ignore={LAWS / 'test_laws_bite.py'}"]), str(LAWS),
        ]  # fmt: skip
        code = subprocess.run(command, stdout=sys.stderr, cwd=LAWS.parents[1], env=environment, check=False).returncode
        if code not in (0, BROKEN):
            raise CommandFailed(f"features check: pytest left with code {code}; what it wrote says why")
        return list(_failures(report)) if code else []


def _failures(report: Path) -> Iterator[Broken]:
    for case in ElementTree.parse(report).iter("testcase"):
        for failure in (*case.iterfind("failure"), *case.iterfind("error")):
            test, _, of = case.get("name", "").partition("[")
            found = failure.get("message", "").splitlines() or [""]
            law = test.removeprefix("test_").replace("_", " ")
            yield {"law": law, "of": of.removesuffix("]"), "found": found[0].removeprefix("AssertionError: ")}
