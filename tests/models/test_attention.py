"""Layers with a state beside naive ones: attention row by row, means and convolutions in loops; what each can see."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.architectures import StepNet, build
from models.architectures.attention import BandedAttention
from models.architectures.convolution import CausalConvolution
from models.architectures.layers import Layer
from models.architectures.memory import LeakyMean

B, T, D = 3, 50, 6


def rows(seed: int = 1) -> torch.Tensor:
    return torch.randn(B, T, D, generator=torch.Generator().manual_seed(seed))


@torch.inference_mode()
def in_parts(layer: Layer, u: torch.Tensor, cuts: tuple[int, ...]) -> np.ndarray:
    """Run sequences in parts with carried state."""
    state, out = torch.zeros(len(u), layer.state_size), []
    for first, last in zip((0, *cuts), (*cuts, u.shape[1]), strict=True):
        y, pieces = layer(u[:, first:last], state)
        state = torch.cat(pieces, -1)
        assert state.shape == (len(u), layer.state_size)
        out.append(y)
    return torch.cat(out, 1).numpy()


CUTS = ((), (17,), (1, 2, 30, 31), tuple(range(1, T)))


@pytest.mark.parametrize("cuts", CUTS)
@pytest.mark.parametrize("dilation", [1, 3])
def test_attention_equals_one_row_by_row(cuts: tuple[int, ...], dilation: int) -> None:
    heads, width, band = 2, 4, 5
    torch.manual_seed(5)
    layer, u = BandedAttention(D, heads, width, band, dilation), rows()
    torch.nn.init.normal_(layer.distance)
    weight, bias = layer.project.weight.detach().double().numpy(), layer.distance.detach().double().numpy()
    x = u.double().numpy()
    expected = np.zeros((B, T, heads * width))
    for b, t, h in np.ndindex(B, T, heads):
        query = weight[h * width : (h + 1) * width] @ x[b, t]
        seen = [(k, t - k * dilation) for k in range(band) if t - k * dilation >= 0]
        keys = [weight[heads * width : (heads + 1) * width] @ x[b, j] for _, j in seen]
        scores = np.array([query @ key / 2 + bias[h, k] for (k, _), key in zip(seen, keys, strict=True)])
        share = np.exp(scores - scores.max())
        share /= share.sum()
        values = [weight[(heads + 1) * width :] @ x[b, j] for _, j in seen]
        expected[b, t, h * width : (h + 1) * width] = share @ np.array(values)
    np.testing.assert_allclose(in_parts(layer, u, cuts), expected, atol=1e-5)


@pytest.mark.parametrize("cuts", CUTS)
def test_a_leaky_mean_is_an_exponential_average(cuts: tuple[int, ...]) -> None:
    u, decay = rows().double().numpy(), np.exp(-1 / 4)
    expected, mean = np.zeros_like(u), np.zeros((B, D))
    for t in range(T):
        mean = decay * mean + (1 - decay) * u[:, t]
        expected[:, t] = mean
    np.testing.assert_allclose(in_parts(LeakyMean(D, 4), rows(), cuts), expected, atol=1e-6)


@pytest.mark.parametrize("cuts", CUTS)
def test_a_convolution_is_a_weighted_sum_of_its_taps(cuts: tuple[int, ...]) -> None:
    torch.manual_seed(2)
    layer, u = CausalConvolution(D, 3, kernel=4, dilation=2), rows()
    weight = layer.taps.weight.detach().double().numpy().reshape(3, 4, D)  # the oldest tap first
    expected = np.zeros((B, T, 3)) + layer.taps.bias.detach().double().numpy()
    for t in range(T):
        for k in range(4):
            if t - 2 * (3 - k) >= 0:
                expected[:, t] += u[:, t - 2 * (3 - k)].double().numpy() @ weight[:, k].T
    np.testing.assert_allclose(in_parts(layer, u, cuts), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "options", "reach"),
    [
        ("cnn", {"hidden": 8, "layers": 3, "kernel": 3}, 2 * (1 + 2 + 4)),
        ("transformer", {"hidden": 8, "layers": 2, "width": 4, "band": 9}, 2 * 8),
        ("transformer_volatility", {"hidden": 8, "layers": 2, "width": 4, "band": 9}, 3 * 8),  # levels see a band
        ("multiscale", {"hidden": 8}, T),  # means never forget
        ("transformer_multiscale", {"hidden": 8, "layers": 1, "width": 4}, T),
    ],
)  # fmt: skip
def test_a_net_reads_as_far_back_as_it_says(name: str, options: dict[str, int], reach: int) -> None:
    torch.manual_seed(4)
    net = build(name, D, 2, **options).eval().double()
    assert isinstance(net, StepNet)
    x = rows().double()
    changed = x.clone()
    changed[:, 0] += 3
    with torch.inference_mode():
        a, b = (net(given, net.start(B).double())[0] for given in (x, changed))
    differs = (a != b).flatten(2).any(-1).all(0).numpy()
    assert differs[: min(reach, T - 1) + 1].all()
    assert not differs[reach + 1 :].any()


def test_the_volatility_clock_has_no_unit() -> None:
    """With ten times the volatility in every row, only the plain input changes: here its weights are zero."""
    torch.manual_seed(4)
    net = build("transformer_volatility", D, 2, hidden=8, places=[2]).eval()
    assert isinstance(net, StepNet)
    with torch.no_grad():
        net.input.weight[:, 2] = 0
    x = rows()
    scaled = x.clone()
    scaled[..., 2] *= 10
    bent = x.clone()
    bent[:, 20:, 2] *= 10
    with torch.inference_mode():
        plain, same, other = (net(given, net.start(B))[0] for given in (x, scaled, bent))
    torch.testing.assert_close(plain, same, atol=1e-5, rtol=0)
    assert (plain[:, 20:] - other[:, 20:]).abs().max() > 1e-3


def test_the_volatility_clock_counts_variance_between_rows() -> None:
    net = build("transformer_volatility", 1, 2, hidden=8, heads=1, width=4, band=4)
    with torch.no_grad():
        net.rate.fill_(np.log(np.expm1(1.0)))  # a rate of 1
    variance = torch.tensor([[[0.0, 0.0, 0.0, 2.0], [0.0, 0.0, 2.0, 3.0], [0.0, 2.0, 3.0, 5.0], [2.0, 3.0, 5.0, 7.0]]])
    bias = net.clock(variance).detach()[0, :, 0]  # (T, 3 + T)
    assert bias[3, 3:].tolist() == pytest.approx([-15.0, -12.0, -7.0, 0.0])
    assert bias[1, 3:5].tolist() == pytest.approx([-3.0, 0.0])
