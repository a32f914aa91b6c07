"""PatchTSMixer (Ekambaram et al. 2023, TSMixer), the model of `transformers`, on the common heads.

A window is cut into patches; perceptrons mix them in turn over patches, over units and over channels.
"""

from __future__ import annotations

from models.architectures import architecture, searched
from models.architectures.patches import PatchNet, check_patches


@architecture("patchtsmixer", context=16, patch=4, d_model=64, heads=4, layers=1, channels=2)
@searched(context=(32, 64, 128), patch=(4, 8, 16), d_model=(64, 128), layers=(1, 2, 3), channels=(2, 4, 8))
class PatchTSMixer(PatchNet):
    """`layers` layers over `context` rows in patches of `patch`, with gated attention; `heads` attend over patches."""

    def __init__(
        self, inputs: int, horizons: int, *, context: int = 64, patch: int = 8, d_model: int = 128, heads: int = 8,
        layers: int = 2, channels: int = 4,
    ) -> None:  # fmt: skip
        check_patches("patchtsmixer", context, patch, d_model, heads, layers, channels)
        from transformers import PatchTSMixerConfig, PatchTSMixerModel

        super().__init__(inputs, horizons, context, channels, d_model)
        config = PatchTSMixerConfig(
            num_input_channels=channels, context_length=context, patch_length=patch, patch_stride=patch,
            num_layers=layers, d_model=d_model, mode="mix_channel", self_attn=True, self_attn_heads=heads,
            scaling=None, dropout=0.0,
        )  # fmt: skip
        self.backbone = PatchTSMixerModel(config)
