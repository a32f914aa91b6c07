"""The graphs of a walk's nets, for the version that it publishes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

from models.export.stored import write_graphs
from models.export.version import ExportFailed
from models.metadata import GraphFile
from models.training.walk import Walk
from ops.log import logger


class Graphs(NamedTuple):
    """What was written of the nets of a version, by name: none, or all of them."""

    folder: Path
    files: dict[str, GraphFile]

    def copy(self, folder: Path) -> None:
        """Copy the files."""
        for graph in self.files.values():
            shutil.copyfile(self.folder / graph.file, folder / graph.file)


def graphs_of(walk: Walk, folder: Path) -> Graphs:
    """Write the graphs of a walk's nets into a new folder, in place of one that a killed run left.

    Where a library is missing or a net can't be exported there are none; the walk's notes and the log say why.
    """
    problem = walk.problem
    assert problem is not None, "a walk has at least one fold"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        return Graphs(folder, write_graphs(walk.nets, problem.x.shape[1], problem.dataset.horizons, folder))
    except ExportFailed as error:
        walk.notes.append(
            f"No graphs for ONNX Runtime: {error}. PyTorch runs the nets; `undertone models graphs` adds what is "
            "missing, `train.graphs=false` asks for none."
        )
        logger("training").warning("no graphs for ONNX Runtime", reason=str(error))
        return Graphs(folder, {})
