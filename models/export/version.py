"""Export one version: its nets as graphs in one format, held against PyTorch on the same rows, with a report."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec
import torch

from models.export.formats import Run, read_onnx, read_torch, write_onnx, write_torch
from models.export.graph import ROWS, Graph, graph_of
from models.export.triton import write_triton
from models.registry.bundle import Bundle

FORMATS: Final = ("torch", "onnx", "triton")
TOLERANCE: Final = 1e-4  # of a head, which is in units of the label, or of a number of state


class ExportFailed(Exception):
    """A net couldn't be exported, or its graph says other things than PyTorch."""


class MemberReport(msgspec.Struct, frozen=True):
    """One exported net beside PyTorch."""

    member: str
    file: str
    rows: int  # that were compared
    largest_difference: dict[str, float]  # by output, in its units
    bit_equal: bool


class ExportReport(msgspec.Struct, frozen=True):
    """`export.json`."""

    version: str
    format: str
    torch: str  # its version
    tolerance: float
    members: tuple[MemberReport, ...]
    beside: tuple[str, ...]  # files of the version copied as they are: metadata, and trees in their library's format


def export_version(bundle: Bundle, path: Path, form: str, directory: Path) -> ExportReport:
    """Write the nets of the version that lies at `path` into a new folder `directory`, and return the report.

    Trees are copied as they are, LightGBM and XGBoost read them, and `metadata.json` says how inputs are scaled and
    outputs calibrated. Raises ExportFailed, with nothing left behind, where the folder is taken, there is no net, a net
    can't be exported, or its graph differs from PyTorch by more than `TOLERANCE`.
    """
    if form not in FORMATS:
        raise ExportFailed(f"export format {form!r} is unknown; expected one of {', '.join(FORMATS)}")
    if not bundle.nets:
        raise ExportFailed(f"{bundle.metadata.version} has no net; its trees are in {path} in their library's format")
    if directory.exists():
        raise ExportFailed(f"{directory} is there already; name a folder that is not")
    directory.mkdir(parents=True)
    try:
        return _write(bundle, path, form, directory)
    except BaseException:
        shutil.rmtree(directory)
        raise


def _write(bundle: Bundle, path: Path, form: str, directory: Path) -> ExportReport:
    metadata = bundle.metadata
    graphs = [graph_of(name, net, metadata.width, metadata.horizons) for name, net in bundle.nets.items()]
    members = tuple(export_member(graph, form, directory) for graph in graphs)
    beside = ["metadata.json", *(name for member in bundle.trees for name in metadata.members[member].files)]
    for name in beside:
        shutil.copy(path / name, directory / name)
    report = ExportReport(metadata.version, form, str(torch.__version__), TOLERANCE, members, tuple(beside))
    (directory / "export.json").write_bytes(msgspec.json.format(msgspec.json.encode(report)))
    return report


def export_member(graph: Graph, form: str, directory: Path) -> MemberReport:
    """Write one net and hold it against PyTorch. Raises ExportFailed."""
    try:
        file, run = _FORMATS[form](graph, directory)
    except ModuleNotFoundError as error:
        raise ExportFailed(
            f"export as {form} needs {error.name}, which is not installed: pip install 'undertone[export]'"
        ) from error
    except Exception as error:  # what torch's exporters raise has no common base
        raise ExportFailed(
            f"{graph.member} can't be exported as {form}: {type(error).__name__}: {str(error).splitlines()[0]}"
        ) from error
    return compare(graph, str(file.relative_to(directory)), run)


def compare(graph: Graph, file: str, run: Run, batches: Sequence[int] = ROWS) -> MemberReport:
    """Run a written graph beside PyTorch. Raises ExportFailed where they differ by more than `TOLERANCE`."""
    largest, equal, rows = dict.fromkeys(graph.outputs, 0.0), True, 0
    for batch in batches:
        for given in graph.calls(batch):
            for name, ours, theirs in zip(graph.outputs, graph(*given), run(given), strict=True):
                difference = float((ours - theirs).abs().max())
                largest[name] = max(largest[name], difference) if difference == difference else float("inf")
                equal = equal and torch.equal(ours, theirs)
            rows += batch
    if max(largest.values()) > TOLERANCE:
        raise ExportFailed(f"{file} differs from PyTorch by {largest} on {rows} rows, expected at most {TOLERANCE}")
    return MemberReport(graph.member, file, rows, largest, equal)


def _as_torch(graph: Graph, directory: Path) -> tuple[Path, Run]:
    file = directory / f"{graph.member}.pt2"
    write_torch(graph, file)
    return file, read_torch(graph, file)


def _as_onnx(graph: Graph, directory: Path) -> tuple[Path, Run]:
    file = directory / f"{graph.member}.onnx"
    write_onnx(graph, file)
    return file, read_onnx(graph, file)


def _as_triton(graph: Graph, directory: Path) -> tuple[Path, Run]:
    file = write_triton(graph, directory / graph.member)
    return file, read_onnx(graph, file)


_FORMATS: Final[dict[str, Callable[[Graph, Path], tuple[Path, Run]]]] = {
    "torch": _as_torch, "onnx": _as_onnx, "triton": _as_triton,
}  # fmt: skip
