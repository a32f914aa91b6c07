"""Laws that every registered architecture keeps, tried on a small net of each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from models.architectures import Net, StepNet, WindowNet, architecture, architectures, build, small_options
from models.registry.bundle import save_weights
from models.training.layouts import evaluate

F, H, B, T = 8, 5, 4, 40  # a multiple of 4 inputs: see models/serving/buckets.py


def kinds(kind: type[Net]) -> list[str]:
    return [name for name in architectures() if isinstance(build(name, F, H, **small_options(name)), kind)]


every_architecture = pytest.mark.parametrize("name", architectures())
every_step_net = pytest.mark.parametrize("name", kinds(StepNet))
every_window_net = pytest.mark.parametrize("name", kinds(WindowNet))


def make(name: str, seed: int = 3) -> Net:
    torch.manual_seed(seed)
    return build(name, F, H, **small_options(name))


def random_batch(net: Net, batch: int = B, length: int = T, seed: int = 1) -> torch.Tensor:
    rows = net.window if isinstance(net, WindowNet) else length
    return torch.randn(batch, rows, F, generator=torch.Generator().manual_seed(seed))


def speak(net: Net, x: torch.Tensor) -> torch.Tensor:
    """Return heads (B, T, H, 2) of sequences, or (B, 1, H, 2) of windows."""
    if isinstance(net, StepNet):
        return net(x, net.start(len(x)))[0]
    heads: torch.Tensor = net(x)
    return heads.unsqueeze(1)


@every_architecture
def test_heads_are_means_and_log_variances_of_every_horizon(name: str) -> None:
    net = make(name).eval()
    x = random_batch(net)
    heads = speak(net, x)
    assert heads.shape == (B, T if isinstance(net, StepNet) else 1, H, 2)
    assert heads.dtype == torch.float32
    assert torch.isfinite(heads).all()


@every_architecture
def test_every_parameter_gets_a_gradient(name: str) -> None:
    net = make(name).train()
    heads = speak(net, random_batch(net))
    loss, n = net.loss(heads, torch.randn(heads.shape[:-1]), torch.ones(heads.shape[:2], dtype=torch.bool))
    (loss / n).backward()
    for parameter_name, parameter in net.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, parameter_name
            assert parameter.grad.abs().max() > 0, parameter_name


@every_architecture
def test_one_batch_is_learned_by_heart(name: str) -> None:
    net = make(name).train()
    x = random_batch(net, length=5)
    y = torch.randn(speak(net, x).shape[:-1], generator=torch.Generator().manual_seed(2))
    counts = torch.ones(y.shape[:2], dtype=torch.bool)
    optimiser = torch.optim.Adam((p for p in net.parameters() if p.requires_grad), 1e-2)
    for _ in range(300):
        heads = speak(net, x)
        if (error := float((heads[..., 0] - y).abs().mean().detach())) < 0.25:  # 0.8 is what knowing nothing gives
            return
        loss, n = net.loss(heads, y, counts)
        optimiser.zero_grad()
        (loss / n).backward()
        optimiser.step()
    pytest.fail(f"mean absolute error {error} after 300 steps")


@every_architecture
def test_saved_weights_speak_the_same_bits(name: str, tmp_path: Path) -> None:
    net, again = make(name).eval(), make(name, seed=8).eval()
    save_weights(tmp_path / "weights", {name: net})
    tensors = load_file(tmp_path / "weights")
    again.load_state_dict({key.removeprefix(f"{name}."): tensor for key, tensor in tensors.items()})
    x = random_batch(net)
    with torch.inference_mode():
        assert torch.equal(speak(net, x), speak(again, x))


@every_architecture
def test_a_row_does_not_depend_on_its_neighbours(name: str) -> None:
    net = make(name).eval()
    x, others = random_batch(net, batch=16), random_batch(net, batch=16, seed=2)
    others[5] = x[0]
    with torch.inference_mode():
        assert torch.equal(speak(net, x)[0], speak(net, others)[5])


@every_architecture
def test_a_past_row_does_not_see_a_later_one(name: str) -> None:
    net, random = make(name).eval(), np.random.default_rng(4)
    n = 3 * (net.window if isinstance(net, WindowNet) else T)
    symbol, eligible = random.integers(0, 2, n).astype(np.int32), random.random(n) < 0.9
    x = random.standard_normal((n, F)).astype(np.float32)
    changed, at = x.copy(), int(np.flatnonzero(eligible)[-9])
    changed[at] += 5
    a, b = (evaluate(net, inputs, symbol, eligible) for inputs in (x, changed))
    mine = symbol == symbol[at]
    np.testing.assert_array_equal(a[:at], b[:at])
    np.testing.assert_array_equal(a[~mine], b[~mine])
    assert not np.array_equal(a[at], b[at])


@pytest.mark.filterwarnings("ignore:The tensor attribute.*_flat_weights")  # torch's own recurrent layers
@every_architecture
def test_an_exported_net_gives_the_same_numbers(name: str) -> None:
    net = make(name).eval().requires_grad_(False)
    x = random_batch(net)
    arguments = (x, net.start(len(x))) if isinstance(net, StepNet) else (x,)
    exported = torch.export.export(net, arguments).module()
    with torch.inference_mode():
        for a, b in zip(_tuple(exported(*arguments)), _tuple(net(*arguments)), strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-6)


def _tuple(given: torch.Tensor | tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    return given if isinstance(given, tuple) else (given,)


@every_step_net
def test_steps_equal_the_full_sequence(name: str) -> None:
    net = make(name).eval()
    assert isinstance(net, StepNet)
    x = random_batch(net)
    with torch.inference_mode():
        full, last = net(x, net.start(B))
        state, steps = net.start(B), []
        for t in range(T):
            heads, state = net.step(x[:, t], state)
            steps.append(heads)
    torch.testing.assert_close(torch.stack(steps, 1), full, rtol=0, atol=1e-5)
    torch.testing.assert_close(state, last, rtol=0, atol=1e-5)


@every_step_net
def test_a_carried_state_continues_the_sequence(name: str) -> None:
    net = make(name).eval()
    assert isinstance(net, StepNet)
    x = random_batch(net)
    full, _ = net(x, net.start(B))
    first, state = net(x[:, :13], net.start(B))
    second, _ = net(x[:, 13:], state)
    torch.testing.assert_close(torch.cat((first, second), 1), full, rtol=0, atol=1e-5)


@every_window_net
def test_only_the_window_matters(name: str) -> None:
    net, random = make(name).eval(), np.random.default_rng(6)
    assert isinstance(net, WindowNet)
    n = net.window + 6
    symbol, eligible = np.zeros(n, np.int32), np.ones(n, np.bool_)
    x = random.standard_normal((n, F)).astype(np.float32)
    changed = x.copy()
    changed[2] += 5
    a, b = (evaluate(net, inputs, symbol, eligible) for inputs in (x, changed))
    assert np.isnan(a[: net.window - 1]).all()
    assert not np.array_equal(a[net.window + 1], b[net.window + 1])  # the last window that holds row 2
    np.testing.assert_array_equal(a[net.window + 2 :], b[net.window + 2 :])


def test_a_taken_or_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match="'gru' is registered already"):
        architecture("gru")(StepNet)
    with pytest.raises(ValueError, match="'gur' is unknown; expected one of"):
        build("gur", F, H)
    with pytest.raises(ValueError, match="does not take the options"):
        build("gru", F, H, hiden=3)
