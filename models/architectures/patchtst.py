"""PatchTST (Nie et al. 2023, "A time series is worth 64 words"), the model of `transformers`, on the common heads.

A window is cut into patches, each a token of every channel; a transformer attends over the patches of a channel.
"""

from __future__ import annotations

from torch import nn

from models.architectures import architecture, searched
from models.architectures.patches import PatchNet, check_patches


@architecture("patchtst", context=16, patch=4, d_model=64, heads=4, layers=1, channels=2)
@searched(context=(32, 64, 128), patch=(4, 8, 16), d_model=(64, 128), layers=(1, 2, 3), channels=(2, 4, 8))
class PatchTST(PatchNet):
    """`layers` layers over `context` rows in patches of `patch`; layer norm, so that no row depends on its batch."""

    def __init__(
        self, inputs: int, horizons: int, *, context: int = 64, patch: int = 8, d_model: int = 128, heads: int = 8,
        layers: int = 2, channels: int = 4,
    ) -> None:  # fmt: skip
        check_patches("patchtst", context, patch, d_model, heads, layers, channels)
        from transformers import PatchTSTConfig, PatchTSTModel

        super().__init__(inputs, horizons, context, channels, d_model)
        config = PatchTSTConfig(
            num_input_channels=channels, context_length=context, patch_length=patch, patch_stride=patch,
            num_hidden_layers=layers, d_model=d_model, num_attention_heads=heads, ffn_dim=2 * d_model,
            norm_type="layernorm", positional_encoding_type="random", scaling=None, do_mask_input=False,
        )  # fmt: skip
        self.backbone = PatchTSTModel(config)
        nn.init.uniform_(self.backbone.encoder.positional_encoder.position_enc, -0.02, 0.02)  # as the published code
