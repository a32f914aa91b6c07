"""What PatchTST and PatchTSMixer of `transformers` share: inputs mixed into few channels, and the common heads.

Both work channel by channel, at a cost that grows with their number; a model here has up to hundreds of inputs. So a
linear layer first mixes them into `channels` series. Inputs come scaled (models/data/inputs.py), and their level means
something: the nets don't scale windows by themselves. The heads speak of all horizons, so that of the published ones'
`prediction_length` (1 to 24) nothing is left to choose.

Weights are drawn here and loaded from a version's safetensors; nothing is asked of any hub. `transformers` takes
seconds to import: that is done when such a net is made.
"""

from __future__ import annotations

from torch import Tensor, nn

from models.architectures import WindowNet
from models.architectures.heads import Heads
from models.architectures.options import check_divides, check_range


class PatchNet(WindowNet):
    """`backbone` reads (B, W, channels) and gives `last_hidden_state` (B, channels, patches, d_model)."""

    def __init__(self, inputs: int, horizons: int, context: int, channels: int, d_model: int) -> None:
        super().__init__()
        self.window = context
        self.mix = nn.Linear(inputs, channels)
        self.norm = nn.LayerNorm(channels * d_model)
        self.output = Heads(channels * d_model, horizons)

    backbone: nn.Module

    def forward(self, x: Tensor) -> Tensor:
        hidden: Tensor = self.backbone(self.mix(x)).last_hidden_state  # (B, C, P, d_model)
        heads: Tensor = self.output(self.norm(hidden.mean(2).flatten(1)))  # over patches: (B, C d_model)
        return heads  # (B, H, 2)


def check_patches(owner: str, context: int, patch: int, d_model: int, heads: int, layers: int, channels: int) -> None:
    """Check the options that both take. Raises ValueError naming the wrong one."""
    check_range(
        owner, context=(context, 10, 512), patch=(patch, 4, 32), d_model=(d_model, 64, 512), heads=(heads, 4, 16),
        layers=(layers, 1, 8), channels=(channels, 1, 64),
    )  # fmt: skip
    check_range(owner, patch=(patch, 4, context))
    check_divides(owner, heads=(heads, d_model))
