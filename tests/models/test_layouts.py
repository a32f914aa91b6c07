from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.architectures import WindowNet, build
from models.config import NetConfig
from models.data.examples import Examples
from models.likelihood import negative_log_likelihood
from models.progress import silent
from models.training.fitting import fit_net
from models.training.layouts import evaluate, lay_out
from models.training.sequences import pieces_of
from models.training.windows import WindowIndex

F, H, W = 7, 5, 6
CONFIG = NetConfig(batch=16, streams=4, chunk=16, burn_in=8)


class Mean(WindowNet):
    """A net that is easy to work out by hand: heads are linear in the window's last row and mean."""

    window = W

    def __init__(self) -> None:
        super().__init__()
        self.output = nn.Linear(2 * F, 2 * H)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(torch.cat((x[:, -1], x.mean(1)), -1)).unflatten(-1, (H, 2))


def rows(n: int = 300) -> Examples:
    random = np.random.default_rng(4)
    x, y = torch.randn(n, F), torch.randn(n, H)
    return Examples(x, y, random.integers(0, 3, n).astype(np.int32), random.random(n) < 0.9)


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
    net, random = build("gru", F, H).eval(), np.random.default_rng(4)
    symbol = random.permutation(np.repeat([3, 5, 9], (400, 10, 300))).astype(np.int32)
    x, eligible = random.standard_normal((710, F)).astype(np.float32), random.random(710) < 0.9
    heads = evaluate(net, x, symbol, eligible)
    for s in (3, 5, 9):
        mine = np.flatnonzero(eligible & (symbol == s))
        alone, _ = net(torch.from_numpy(x[mine])[None], torch.zeros(1, 48))
        np.testing.assert_allclose(heads[mine], alone[0].detach(), atol=1e-5)
    assert np.isnan(heads[~eligible]).all()


def test_windows_hold_the_last_eligible_rows_of_their_symbol() -> None:
    x, _, symbol, eligible, _ = rows()
    heads = evaluate(net := Mean().eval(), x.numpy(), symbol, eligible)
    spoken = 0
    for k in range(len(symbol)):
        past = [j for j in range(k + 1) if eligible[j] and symbol[j] == symbol[k]]
        if eligible[k] and len(past) >= W:
            np.testing.assert_allclose(heads[k], net(x[past[-W:]][None])[0].detach(), atol=1e-5)
            spoken += 1
        else:
            assert np.isnan(heads[k]).all()
    assert spoken > 200


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
        mine = row[row >= 0]
        assert len(set(symbol[mine])) == 1
        assert (np.diff(mine) > 0).all()


@pytest.mark.parametrize("kind", ["step", "window"])
def test_a_pass_counts_each_labelled_row_once_in_any_epoch(kind: str) -> None:
    examples = rows()
    labelled = np.flatnonzero(examples.eligible)[40:]
    net = build("gru", F, H) if kind == "step" else Mean()
    layout = lay_out(net, examples, labelled, CONFIG, seed=1)
    full = labelled if kind == "step" else labelled[WindowIndex(examples.symbol, examples.eligible, W).full[labelled]]
    losses = []
    for epoch in (0, 1, 2):
        parts = list(layout.losses(epoch))
        assert len(parts) == len(layout)
        assert sum(int(n) for _, n in parts) == H * len(full)
        losses.append([float(loss.detach()) for loss, _ in parts])
    assert sum(losses[0]) == pytest.approx(sum(losses[1]), rel=1e-4)
    assert (losses[1] != losses[2]) == (kind == "window")  # shuffled by epoch; a stream keeps the order of time
    again = lay_out(net, examples, labelled, CONFIG, seed=1)
    assert [float(loss.detach()) for loss, _ in again.losses(2)] == losses[2]


def test_both_kinds_are_fitted_by_the_same_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    x = random.standard_normal((1200, 2)).astype(np.float32)
    y = (0.8 * x[:, :1] + 0.6 * random.standard_normal((1200, 1))).astype(np.float32)
    symbol, eligible = np.tile(np.arange(3, dtype=np.int32), 400), np.ones(1200, np.bool_)
    fit, stop = np.arange(60, 900), np.arange(900, 1200)
    made = {}
    for name in ("gru", "cnn_of_the_test"):
        monkeypatch.setattr(
            "models.training.fitting.build", lambda name, f, h, **_: build(name, f, h) if name == "gru" else Last()
        )
        config = NetConfig(name, streams=6, chunk=20, burn_in=10, batch=42, epochs=6, learning_rate=2e-2)
        made[name] = fit_net(config, x, y, symbol, eligible, fit, stop, 1, silent).history
    for name, history in made.items():
        assert min(epoch.stop_loss for epoch in history) < 1.05, name  # 0.91 knows all there is, 1.42 nothing


class Last(WindowNet):
    window = W

    def __init__(self) -> None:
        super().__init__()
        self.output = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(x[:, -1]).unflatten(-1, (1, 2))


def test_rows_without_a_full_window_are_refused() -> None:
    examples = rows(12)
    with pytest.raises(ValueError, match="has a full window: gru looks at 6 eligible rows"):
        lay_out(Mean(), examples, np.arange(3), CONFIG, seed=1)
    with pytest.raises(ValueError, match="no symbol has 6 eligible rows"):
        evaluate(Mean().eval(), examples.x.numpy()[:5], examples.symbol[:5], examples.eligible[:5])
