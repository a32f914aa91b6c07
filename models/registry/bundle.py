"""A version in memory: its members, ready to predict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from models.architectures import Net, WindowNet, build
from models.metadata import Member, Metadata
from models.trees.flat import Forest, parse_forest

WEIGHTS = "weights.safetensors"


@dataclass(frozen=True, slots=True)
class TreePair:
    """Mean and log variance at the primary horizon, in units of the label."""

    mean: Forest
    log_variance: Forest


@dataclass(frozen=True, slots=True)
class Bundle:
    """A loaded version. `nets` and `trees` hold the members that are there, `graphs` files of nets' graphs, by name."""

    metadata: Metadata
    nets: dict[str, Net]
    trees: dict[str, TreePair]
    graphs: dict[str, Path] = field(default_factory=dict)

    @property
    def weights(self) -> dict[str, float]:
        """The vote of the members that are there, adding up to 1."""
        present = {name: self.metadata.members[name].weight for name in (*self.nets, *self.trees)}
        return {name: weight / sum(present.values()) for name, weight in present.items()}

    @property
    def window(self) -> int:
        """The most rows of a symbol that a member looks at before it speaks, 0 where all speak from the first on."""
        return max((net.window for net in self.nets.values() if isinstance(net, WindowNet)), default=0)

    @property
    def vote(self) -> str:
        """How the members vote: one of models.config.VOTES."""
        return str(self.metadata.config.get("vote", "weighted"))

    @property
    def absent(self) -> tuple[str, ...]:
        """Members that were meant to vote and are not there."""
        return tuple(sorted(self.metadata.config.get("weights", {}).keys() - self.nets.keys() - self.trees.keys()))


def tree_files(name: str) -> tuple[str, str]:
    """Return the files of a member of trees: mean, log variance."""
    return f"{name}_mean.txt", f"{name}_variance.txt"


def save_weights(path: Path, nets: Mapping[str, Net]) -> None:
    """Write the nets' tensors, named MEMBER.PARAMETER."""
    tensors = {f"{name}.{key}": value.cpu() for name, net in nets.items() for key, value in net.state_dict().items()}
    save_file({key: value.contiguous() for key, value in tensors.items()}, path)


def load_bundle(path: Path, metadata: Metadata) -> Bundle:
    """Read the members of a version's directory.

    Raises ValueError where a file doesn't hold what the metadata says.
    """
    inputs = metadata.width
    nets = {n: _load_net(path, n, m, inputs, metadata.horizons) for n, m in metadata.members.items() if m.kind == "net"}
    trees = {n: _load_trees(path, m) for n, m in metadata.members.items() if m.kind == "trees"}
    if not nets and not trees:
        raise ValueError(f"metadata names no member; expected a net or trees in {path}")
    return Bundle(metadata, nets, trees, {name: path / graph.file for name, graph in metadata.graphs.items()})


def _load_net(path: Path, name: str, member: Member, inputs: int, horizons: int) -> Net:
    options = dict(member.options)
    net = build(options.pop("architecture"), inputs, horizons, **options)
    try:
        tensors = load_file(path / member.files[0])
    except SafetensorError as error:
        raise ValueError(f"{path / member.files[0]} is no safetensors file: {error}") from error
    prefix = f"{name}."
    net.load_state_dict({key.removeprefix(prefix): t for key, t in tensors.items() if key.startswith(prefix)})
    return net.eval().requires_grad_(False)


def _load_trees(path: Path, member: Member) -> TreePair:
    mean, log_variance = (parse_forest((path / name).read_text()) for name in member.files)
    return TreePair(mean, log_variance)
