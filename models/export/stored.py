"""Graphs for ONNX Runtime in a version's folder: written when it is trained, or added to an older version.

    python -m models.export.stored ROOT VERSION [MODULE ...]

adds those of one version in a process of its own, with the modules of `models.modules` loaded.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Mapping
from importlib.metadata import version as installed
from pathlib import Path

import msgspec
import torch

from models.architectures import Net
from models.export.graph import graph_of
from models.export.version import ExportFailed, export_member
from models.metadata import GraphFile, file_checksum
from models.registry.registry import Registry
from models.registry.standing import PARTIAL, RegistryError, locked
from ops.durable import put_in_place


def write_graphs(nets: Mapping[str, Net], inputs: int, horizons: int, folder: Path) -> dict[str, GraphFile]:
    """Write NAME.onnx of every net, of F inputs and H horizons, into a folder. Takes seconds of the CPU a net.

    Raises ExportFailed where a library is missing, a net can't be exported, or its graph says other things than torch.
    """
    reports = [export_member(graph_of(name, net, inputs, horizons), "onnx", folder) for name, net in nets.items()]
    by = f"torch {torch.__version__}, onnxscript {installed('onnxscript')}" if reports else ""
    return {r.member: GraphFile(r.file, by, r.rows, r.largest_difference) for r in reports}


def add_graphs(registry: Registry, version: str) -> dict[str, GraphFile]:
    """Give a version the graphs of its nets and return them; one that has them stays as it is.

    The registry isn't locked while they are written; whoever reads the version meanwhile sees none of them or all.
    Raises RegistryError where the version can't be read or its folder not written, and ExportFailed.
    """
    bundle = registry.load(version)
    if bundle.metadata.graphs:
        return bundle.metadata.graphs
    if not bundle.nets:
        raise ExportFailed(f"{version} has no net; its trees need no graph")
    try:
        partial = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=registry.root))
        try:
            written = write_graphs(bundle.nets, bundle.metadata.width, bundle.metadata.horizons, partial)
            with locked(registry.root):
                return _joined(registry, version, written, partial)
        finally:
            shutil.rmtree(partial)
    except OSError as error:
        raise RegistryError(
            f"model {version!r}: its graphs can't be written to {registry.path(version)} ({error}); run `undertone "
            "models graphs` where the registry may be written"
        ) from error


def _joined(registry: Registry, version: str, written: dict[str, GraphFile], partial: Path) -> dict[str, GraphFile]:
    """Move written graphs into a version's folder, the metadata that names them last."""
    metadata, folder = registry.show(version), registry.path(version)
    if metadata.graphs:
        return metadata.graphs  # another process was quicker
    checksums = {graph.file: file_checksum(partial / graph.file) for graph in written.values()}
    named = msgspec.structs.replace(metadata, graphs=written, checksums={**metadata.checksums, **checksums})
    (partial / "metadata.json").write_bytes(msgspec.json.format(msgspec.json.encode(named)))
    for name in (*checksums, "metadata.json"):
        put_in_place(partial / name, folder / name)
    return written


def main(root: str, version: str, *modules: str) -> int:
    """Add the graphs of a version; one line on stderr says why where that fails."""
    from models.extensions import load_architectures

    try:
        load_architectures(modules)
        add_graphs(Registry(root), version)
    except (ExportFailed, RegistryError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
