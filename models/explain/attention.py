"""Attention weights of a net at one row, caught where torch computes them: no architecture has to hand them out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from models.architectures.attention import BandedAttention
from models.explain.answer import Attention
from models.explain.net_question import Question

MOST: Final = 512  # weights of a layer, the newest
_SOFTMAX: Final = (functional.softmax, torch.softmax, Tensor.softmax)


@torch.no_grad()
def attention_of(net: nn.Module, question: Question) -> tuple[Attention, ...]:
    """Run the net on the question's rows; return what each attending layer's newest query looked at."""
    watch = _Watch()
    with watch.following(net), watch:
        question.f(question.x[None])
    return tuple(watch.found)


class _Watch(TorchFunctionMode):
    """Sees every attention on its way."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Attention] = []
        self._inside: list[tuple[str, nn.Module]] = []

    @contextmanager
    def following(self, net: nn.Module) -> Iterator[None]:
        """Know which module runs."""
        with ExitStack() as stack:
            for name, module in net.named_modules():
                enter = module.register_forward_pre_hook(lambda m, _, name=name: self._inside.append((name, m)))
                leave = module.register_forward_hook(lambda *_: self._inside.pop() and None)
                stack.callback(enter.remove)
                stack.callback(leave.remove)
            yield

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is functional.multi_head_attention_forward:
            out, weights = func(*args, **{**kwargs, "need_weights": True, "average_attn_weights": True})
            assert weights is not None, "they were asked for"
            self._keep(weights[..., -1, :])  # (B, queries, keys)
            return out, weights if kwargs.get("need_weights", True) else None
        result = func(*args, **kwargs)
        if func is functional.scaled_dot_product_attention:
            self._keep(_weights(*args, **kwargs)[..., -1, :])
        elif func in _SOFTMAX and result.ndim >= 3:
            dim = kwargs.get("dim", args[1] if len(args) > 1 else -1)
            banded = isinstance(self._inside[-1][1], BandedAttention)  # (B, queries, heads, keys)
            self._keep(result[:, -1] if banded else result.movedim(dim, -1)[..., -1, :])
        return result

    def _keep(self, newest: Tensor) -> None:
        """Keep the weights (..., keys) of the newest query."""
        mean = newest.reshape(-1, newest.shape[-1]).mean(0)[-MOST:]
        name, module = self._inside[-1]
        self.found.append(Attention(name or type(module).__name__, tuple(float(w) for w in mean)))


def _weights(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, **more: Any) -> Tensor:
    """Return the weights that scaled_dot_product_attention mixes values by."""
    scale = more.get("scale") or query.shape[-1] ** -0.5
    scores = query @ key.transpose(-2, -1) * scale
    if attn_mask is not None:
        scores = scores.masked_fill(~attn_mask, -torch.inf) if attn_mask.dtype == torch.bool else scores + attn_mask
    return functional.softmax(scores, -1)
