from __future__ import annotations

import datetime as dt
import json
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from models.metadata import FORMAT, DataRange, Metadata, file_checksum
from models.registry.pruning import prune
from models.registry.registry import Registry, RegistryError

WHEN = dt.datetime(2024, 5, 6, 7, 8, 9, tzinfo=dt.UTC)


def write_version(timeframe: str = "1s"):
    def write(path: Path, version: str) -> None:
        (path / "weights.safetensors").write_bytes(b"weights")
        checksums = {"weights.safetensors": file_checksum(path / "weights.safetensors")}
        metadata = Metadata(
            FORMAT, version, "2024-05-06T07:08:09Z", timeframe, 30, 5, "reference_volatility_60", 1e-6, (), {},
            DataRange(0, 1, 2, 1, {}, 0.0), {}, {}, "", checksums,
        )  # fmt: skip
        (path / "metadata.json").write_bytes(msgspec.json.encode(metadata))

    return write


def test_a_taken_name_gets_a_suffix(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    versions = [registry.publish("net", write_version(), WHEN) for _ in range(3)]
    assert versions == ["net_20240506_070809", "net_20240506_070809_2", "net_20240506_070809_3"]
    assert [m.version for m in registry.list()] == versions


def test_a_version_that_fails_to_be_written_leaves_nothing(tmp_path: Path) -> None:
    def write(path: Path, version: str) -> None:
        (path / "metadata.json").write_text("{")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        Registry(tmp_path).publish("net", write, WHEN)
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_a_killed_training_run_leaves_no_version_and_no_lock(tmp_path: Path) -> None:
    program = (
        "import sys, time\nfrom models.registry.registry import Registry\n"
        "def write(path, version):\n"
        "    (path / 'metadata.json').write_text('{'); print('half', flush=True); time.sleep(60)\n"
        "Registry(sys.argv[1]).publish('net', write)\n"
    )
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, cwd=root) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"half\n"
        process.send_signal(signal.SIGKILL)
    registry = Registry(tmp_path)
    assert any(path.name.startswith(".partial") for path in tmp_path.iterdir())
    assert registry.list() == ()
    assert registry.publish("net", write_version(), WHEN) == "net_20240506_070809"
    assert [m.version for m in registry.list()] == ["net_20240506_070809"]


def test_activation_is_per_timeframe_and_its_number_rises(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    a, b = registry.publish("a", write_version("1s"), WHEN), registry.publish("b", write_version("1m"), WHEN)
    assert registry.active("1s") is None
    assert [registry.activate(v) for v in (a, b, a)] == [1, 2, 3]
    assert (registry.active("1s"), registry.active("1m"), registry.active("1h")) == (a, b, None)
    assert Registry(tmp_path).activations()["1s"].number == 3


def test_an_unknown_version_is_named_with_those_that_are_there(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    registry.publish("net", write_version(), WHEN)
    with pytest.raises(RegistryError, match=r"'nobody' is not in the registry .*net_20240506_070809"):
        registry.activate("nobody")
    with pytest.raises(RegistryError, match="is not a name"):
        registry.show("../elsewhere")
    assert registry.active("1s") is None


def test_a_damaged_file_is_refused_by_its_checksum(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    version = registry.publish("net", write_version(), WHEN)
    (tmp_path / version / "weights.safetensors").write_bytes(b"weightz")
    with pytest.raises(RegistryError, match=r"weights.safetensors is damaged: sha256"):
        registry.load(version)


def test_damaged_metadata_is_left_out_of_the_list_and_named_when_shown(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    version = registry.publish("net", write_version(), WHEN)
    path = tmp_path / version / "metadata.json"
    path.write_text(path.read_text()[:-20])
    assert registry.list() == ()
    with pytest.raises(RegistryError, match=r"metadata.json can't be read as metadata"):
        registry.show(version)


def test_metadata_of_another_format_is_refused(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    version = registry.publish("net", write_version(), WHEN)
    path = tmp_path / version / "metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))
    with pytest.raises(RegistryError, match="has format 99, this program reads 1"):
        registry.show(version)


def test_a_damaged_active_file_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "active.json").write_text("{")
    with pytest.raises(RegistryError, match=r"active.json can't be read .*; delete it"):
        Registry(tmp_path).active("1s")


def test_the_registry_is_read_without_torch_or_lightgbm() -> None:
    program = (
        "import sys, models.registry.registry; print([m for m in ('torch', 'lightgbm', 'numba') if m in sys.modules])"
    )
    root = Path(__file__).parents[2]
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=root)
    assert found.stdout == "[]\n"


def test_the_best_versions_stay_and_the_active_one(tmp_path: Path) -> None:
    """Best by the vote's likelihood; of equals the newest; a version without a score goes first."""
    registry = Registry(tmp_path)

    def scored(nll: float | None, timeframe: str = "1s"):
        def write(path: Path, version: str) -> None:
            write_version(timeframe)(path, version)
            metadata = json.loads((path / "metadata.json").read_text())
            metadata["metrics"] = {"models": {"ensemble": {"nll": nll}}}
            (path / "metadata.json").write_text(json.dumps(metadata))

        return write

    names = {nll: registry.publish("net", scored(nll), WHEN) for nll in (1.5, 1.2, None, 1.3, 1.4)}
    other = registry.publish("net", scored(9.0, "1m"), WHEN)
    registry.activate(names[1.5])
    (tmp_path / ".partial-killed").mkdir()
    assert set(prune(registry, 2)) == {names[1.4], names[None]}
    assert {m.version for m in registry.list()} == {names[1.5], names[1.2], names[1.3], other}
    assert not list(tmp_path.glob(".partial-*"))
    assert registry.active("1s") == names[1.5]
    assert prune(registry, 2) == ()
    assert prune(registry, 1, "1m") == ()
