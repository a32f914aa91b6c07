"""Laws that every registered architecture keeps."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.architectures import StepNet, architecture, architectures, build
from models.fitting import negative_log_likelihood
from models.sequences import evaluate_sequences, pieces_of

F, H, B, T = 7, 5, 4, 40

every_architecture = pytest.mark.parametrize("name", architectures())


def make(name: str) -> StepNet:
    torch.manual_seed(3)
    return build(name, F, H)


def sequence(seed: int = 1) -> torch.Tensor:
    return torch.randn(B, T, F, generator=torch.Generator().manual_seed(seed))


@every_architecture
def test_steps_equal_the_full_sequence(name: str) -> None:
    net, x = make(name).eval(), sequence()
    with torch.inference_mode():
        full, last = net(x, net.start(B))
        state, steps = net.start(B), []
        for t in range(T):
            heads, state = net.step(x[:, t], state)
            steps.append(heads)
    torch.testing.assert_close(torch.stack(steps, 1), full, rtol=0, atol=1e-5)
    torch.testing.assert_close(state, last, rtol=0, atol=1e-5)
    assert full.shape == (B, T, H, 2)


@every_architecture
def test_a_carried_state_continues_the_sequence(name: str) -> None:
    net, x = make(name).eval(), sequence()
    full, _ = net(x, net.start(B))
    first, state = net(x[:, :13], net.start(B))
    second, _ = net(x[:, 13:], state)
    torch.testing.assert_close(torch.cat((first, second), 1), full, rtol=0, atol=1e-5)


@every_architecture
def test_the_past_does_not_see_the_future(name: str) -> None:
    net, x = make(name).eval(), sequence()
    changed = x.clone()
    changed[:, 20:] += 5
    a, b = (net(inputs, net.start(B))[0] for inputs in (x, changed))
    assert torch.equal(a[:, :20], b[:, :20])
    assert not torch.equal(a[:, 20], b[:, 20])


@every_architecture
def test_every_parameter_gets_a_gradient(name: str) -> None:
    net, x = make(name).train(), sequence()
    heads, _ = net(x, net.start(B))
    loss, n = negative_log_likelihood(heads, torch.randn(B, T, H), torch.ones(B, T, dtype=torch.bool))
    (loss / n).backward()
    for parameter_name, parameter in net.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.abs().max() > 0, parameter_name


@every_architecture
def test_one_batch_is_learned_by_heart(name: str) -> None:
    net, x = make(name).train(), sequence()[:, :5]
    y = torch.randn(B, 5, H, generator=torch.Generator().manual_seed(2))
    counts = torch.ones(B, 5, dtype=torch.bool)
    optimiser = torch.optim.Adam(net.parameters(), 2e-2)
    for _ in range(250):
        heads, _ = net(x, net.start(B))
        loss, n = negative_log_likelihood(heads, y, counts)
        optimiser.zero_grad()
        (loss / n).backward()
        optimiser.step()
    assert float((loss / n).detach()) < 0.5  # 1.42 is what knowing nothing gives
    assert float((heads[..., 0] - y).abs().mean().detach()) < 0.25


def test_the_loss_is_the_gaussian_likelihood_of_counted_labels() -> None:
    random = np.random.default_rng(5)
    heads, y, counts = (
        random.standard_normal((3, 4, 2, 2)),
        random.standard_normal((3, 4, 2)),
        random.random((3, 4)) < 0.6,
    )
    y[0, 0, 0] = np.nan
    total, number = 0.0, 0
    for b, t, h in np.ndindex(3, 4, 2):
        if counts[b, t] and not np.isnan(y[b, t, h]):
            mean, variance = heads[b, t, h, 0], np.exp(heads[b, t, h, 1])
            density = np.exp(-((y[b, t, h] - mean) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)
            total, number = total - np.log(density), number + 1
    loss, n = negative_log_likelihood(*(torch.from_numpy(a) for a in (heads, y, counts)))
    assert float(loss) == pytest.approx(total, rel=1e-12)
    assert int(n) == number


def test_whole_series_are_evaluated_as_if_each_stood_alone() -> None:
    net, random = make("gru").eval(), np.random.default_rng(4)
    symbol = random.permutation(np.repeat([3, 5, 9], (400, 10, 300))).astype(np.int32)
    x, eligible = random.standard_normal((710, F)).astype(np.float32), random.random(710) < 0.9
    heads = evaluate_sequences(net, x, symbol, eligible)
    for s in (3, 5, 9):
        rows = np.flatnonzero(eligible & (symbol == s))
        alone, _ = net(torch.from_numpy(x[rows])[None], net.start(1))
        np.testing.assert_allclose(heads[rows], alone[0].detach(), atol=1e-5)
    assert np.isnan(heads[~eligible]).all()


def test_pieces_count_each_labelled_row_once() -> None:
    random = np.random.default_rng(4)
    symbol = random.permutation(np.repeat([0, 1, 2], (500, 90, 33))).astype(np.int32)
    eligible = random.random(623) < 0.9
    labelled = eligible & (random.random(623) < 0.8)
    pieces = pieces_of(symbol, eligible, labelled, streams=6, burn_in=8, chunk=16)
    counted = pieces.row[pieces.counts]
    np.testing.assert_array_equal(np.sort(counted), np.flatnonzero(labelled))
    assert pieces.row.shape[1] % 16 == 0
    for row in pieces.row:
        rows = row[row >= 0]
        assert len(set(symbol[rows])) == 1
        assert (np.diff(rows) > 0).all()


def test_a_taken_or_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match="'gru' is registered already"):
        architecture("gru")(StepNet)
    with pytest.raises(ValueError, match="'gur' is unknown; expected one of"):
        build("gur", F, H)
    with pytest.raises(ValueError, match="does not take the options"):
        build("gru", F, H, hiden=3)
