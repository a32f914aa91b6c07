"""The multi-grade net: what its grades promise each other, and what its parts are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models.architectures import build, small_options
from models.architectures.graded import GradedNet
from models.architectures.mgdl import MGDL
from models.architectures.spectral import SpectralFilter, fourier
from models.band_penalty import BandPenalty
from models.config import NetConfig
from models.data.examples import Examples
from models.labels import Float32
from models.progress import Progress, Step, silent
from models.training.fitting import Fit, fit_net
from models.training.frozen import Frozen
from models.training.layouts import lay_out
from models.training.stopping import Stopper
from models.training.windows import Windows
from schema.ticks import Bool, Int32

F, H, N = 5, 6, 300
SMALL = small_options("mgdl")


def make(**options: object) -> MGDL:
    torch.manual_seed(4)
    net = build("mgdl", F, H, **{**SMALL, **options})
    assert isinstance(net, MGDL)
    return net


def outspoken(**options: object) -> MGDL:
    """Return a net whose grades all have something to say."""
    net = make(**options)
    for part in net.parts:
        torch.nn.init.normal_(part.readout.output.weight, std=0.1)
    return net.eval()


def windows(n: int = 40, seed: int = 1) -> torch.Tensor:
    return torch.randn(n, SMALL["window"], F, generator=torch.Generator().manual_seed(seed))


def rows(planted: float = 0.8) -> tuple[Float32, Float32, Int32, Bool]:
    """Inputs, labels, symbols and which are eligible: a product of inputs at two times is planted."""
    random = np.random.default_rng(3)
    x = random.standard_normal((N, F)).astype(np.float32)
    y = planted * np.tanh(2 * x[:, :1] * np.roll(x[:, :1], 5, axis=0)) + 0.3 * random.standard_normal((N, H))
    return x, y.astype(np.float32), (np.arange(N) % 2).astype(np.int32), np.ones(N, np.bool_)


def layout(net: GradedNet) -> Windows:
    x, y, symbol, eligible = rows()
    examples = Examples(torch.from_numpy(x), torch.from_numpy(y), symbol, eligible)
    made = lay_out(net, examples, np.arange(N), NetConfig("mgdl", dict(SMALL), batch=64), 1)
    assert isinstance(made, Windows)
    return made


def mean_loss(net: GradedNet, data: Windows) -> float:
    net.eval()
    with torch.no_grad():
        losses = list(data.losses())
    return sum(float(loss) for loss, _ in losses) / sum(int(n) for _, n in losses)


def learn(net: GradedNet, data: Windows, epochs: int = 6) -> None:
    net.train()
    optimiser = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], 3e-3)
    for epoch in range(1, epochs + 1):
        for loss, n in data.losses(epoch):
            optimiser.zero_grad()
            (loss / n).backward()
            optimiser.step()


def test_grades_learn_in_turn_and_each_begins_where_the_sum_of_those_before_ended() -> None:
    net = make()
    data, before = layout(net), []
    for grade in range(net.grades):
        net.begin_grade(grade)
        start = mean_loss(net, data)
        if grade:
            assert start == pytest.approx(before[-1], rel=1e-6)
        frozen = {name: p.clone() for name, p in net.named_parameters() if not name.startswith(f"parts.{grade}.")}
        learn(net, data)
        before.append(mean_loss(net, data))
        assert before[-1] < start - 1e-3, grade
        for name, parameter in net.named_parameters():
            if name in frozen:
                assert torch.equal(parameter, frozen[name]), name


def fitted(progress: Progress = silent, planted: float = 0.8, **options: Any) -> Fit:
    config = NetConfig(
        "mgdl", {**SMALL, "grades": 3, "layers": 3}, batch=64, epochs=3, patience=3, divergence=1e9, learning_rate=5e-3
    )
    return fit_net(config, *rows(planted), np.arange(200), np.arange(200, N), 1, progress, **options)


@pytest.mark.parametrize("planted", [0.8, 0.0])
def test_the_loop_fits_grade_by_grade_and_none_makes_it_worse(planted: float) -> None:
    fit = fitted(planted=planted)
    assert [epoch.grade for epoch in fit.history] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    x, y, symbol, eligible = rows(planted)
    examples = Examples(torch.from_numpy(x), torch.from_numpy(y), symbol, eligible)
    stop = Windows(fit.net, examples, np.arange(200, N), 64, 1)  # type: ignore[arg-type]
    losses = list(stop.losses())
    loss = sum(float(a) for a, _ in losses) / sum(int(n) for _, n in losses)
    assert loss == pytest.approx(min(epoch.stop_loss for epoch in fit.history), rel=1e-6)


def test_only_what_beats_the_grades_before_is_kept() -> None:
    stopper = Stopper(patience=3, divergence=1.0, least=0.5)
    improved = []
    for epoch, loss in enumerate((0.8, 0.6, 0.5, 0.45, 0.45), 1):
        stopper.note(epoch, 1.0, loss, 2)
        improved.append(stopper.improved)
    assert improved == [False, False, False, True, False]


def test_a_fit_broken_off_in_a_later_grade_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    whole, seen = fitted(), []

    def breaks(step: Step) -> None:
        seen.append(step.text)
        if len(seen) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fitted(breaks, checkpoint=tmp_path / "fit")
    assert "grade 2 of 3" in seen[-1]
    again = fitted(checkpoint=tmp_path / "fit")
    assert again.history == whole.history
    for name, tensor in whole.net.state_dict().items():
        assert torch.equal(tensor, again.net.state_dict()[name]), name


def test_a_new_grade_changes_no_bit_of_the_output() -> None:
    net, x = outspoken(), windows()
    for grade in range(1, net.grades):
        net.begin_grade(grade)
        for later in range(grade, net.grades):
            net._silence(later)
        with torch.no_grad():
            below = net.below(x)[1]
            assert torch.equal(net.above(*net.below(x)), below)
            assert torch.equal(net(x), below)
        torch.nn.init.normal_(net.parts[grade].readout.output.weight, std=0.1)


def test_the_output_is_the_sum_over_the_grades() -> None:
    net, x = outspoken(), windows()
    with torch.no_grad():
        features, total = x, torch.zeros(len(x), H, 2)
        for part in net.parts:
            features = part.tokens(features)
            added = part.readout(features)
            assert added.abs().max() > 0.01
            total = total + added
        assert torch.equal(net(x), total)
        net.begin_grade(net.grades - 1)
        torch.nn.init.normal_(net.parts[-1].readout.output.weight, std=0.1)
        assert torch.equal(net.above(*net.below(x)), net(x))


def test_what_is_kept_equals_what_is_computed_again_bit_for_bit() -> None:
    net = outspoken()
    net.begin_grade(2)
    net.train()  # what is frozen has no training mode
    x = windows(300)
    kept = Frozen(net, len(x), lambda numbers: x[numbers])
    asked = torch.randperm(300, generator=torch.Generator().manual_seed(2)).split(64)
    for numbers in asked:
        for a, b in zip(kept(numbers), net.below(x[numbers]), strict=True):
            assert torch.equal(a, b)
    again = Frozen(net, len(x), lambda numbers: x[numbers], most_bytes=1000)  # too little room: computed every time
    for a, b in zip(again(asked[0]), kept(asked[0]), strict=True):
        assert torch.equal(a, b)


def test_an_epoch_costs_one_grade(monkeypatch: pytest.MonkeyPatch) -> None:
    net = make(dropout=0.2)
    data, run = layout(net), []
    for k, part in enumerate(net.parts):
        tokens = part.tokens
        monkeypatch.setattr(part, "tokens", lambda x, tokens=tokens, k=k: (run.append(k), tokens(x))[1])
    learn(net, data, epochs=1)
    assert set(run) == {0}
    net.begin_grade(3)
    learn(net, data, epochs=1)
    run.clear()
    learn(net, data, epochs=1)
    assert set(run) == {3}
    assert len(run) == len(data)


def test_the_default_net_is_what_the_specification_says() -> None:
    net = MGDL(50, 30)
    assert (net.window, net.grades, net.parts[0].ground.tokens) == (252, 4, 32)
    assert [len(part.layers) for part in net.parts] == [2, 2, 1, 1]
    for part in net.parts:
        for layer in part.layers:
            assert layer.heads == 8
            assert layer.norm.normalized_shape == (128,)
            assert layer.wise[0].out_features == part.readout.hidden.out_features == 256
    np.testing.assert_allclose(net.penalty.waves.square().sum(0)[[0, 4, 5, 6, 10, 15]],
                               [0.1, 0.1, 0.2, 0.2, 0.3, 0.3], rtol=1e-5)  # fmt: skip


@pytest.mark.parametrize("length", [8, 9, 32, 252])
def test_a_filter_is_a_product_of_spectra(length: int) -> None:
    torch.manual_seed(2)
    part, x = SpectralFilter(3, length), torch.randn(4, 3, length)
    torch.testing.assert_close(part(x), x, rtol=0, atol=2e-5)  # begins as identity
    torch.nn.init.normal_(part.real)
    torch.nn.init.normal_(part.imaginary)
    gain = torch.complex(part.real, part.imaginary)
    expected = torch.fft.irfft(torch.fft.rfft(x) * gain, n=length)
    torch.testing.assert_close(part(x), expected, rtol=0, atol=5e-5)
    waves, _ = fourier(length)
    real, imaginary = (x @ waves).chunk(2, -1)
    torch.testing.assert_close(torch.complex(real, imaginary), torch.fft.rfft(x), rtol=0, atol=2e-4)


@pytest.mark.parametrize("horizons", [1, 2, 5, 30])
def test_with_equal_weights_the_bands_add_up_to_the_square(horizons: int) -> None:
    mean, y = torch.randn(2, 9, horizons, generator=torch.Generator().manual_seed(3)).double()
    penalty = BandPenalty(horizons, (0.7, 0.7, 0.7)).double()
    found = penalty(mean, y, torch.ones(9, dtype=torch.bool))
    torch.testing.assert_close(found, 0.7 * (y - mean).square().sum(), rtol=1e-6, atol=0)


def test_a_fast_error_costs_more_than_a_slow_one() -> None:
    penalty, h = BandPenalty(30), torch.arange(30)
    none, row = torch.zeros(1, 30), torch.ones(1, dtype=torch.bool)

    def cost(k: int) -> float:
        error = torch.cos(2 * torch.pi * k * h / 30 + 0.4)
        return float(penalty(none, error[None], row) / error.square().sum())

    found = [cost(k) for k in (1, 4, 5, 9, 10, 14)]
    np.testing.assert_allclose(found, [0.1, 0.1, 0.2, 0.2, 0.3, 0.3], rtol=1e-4)


def test_the_penalty_does_not_move_the_best_mean() -> None:
    y = torch.randn(50, 12, generator=torch.Generator().manual_seed(3))
    mean = y.mean(0, keepdim=True).requires_grad_()
    BandPenalty(12)(mean.expand_as(y), y, torch.ones(50, dtype=torch.bool)).backward()
    assert mean.grad is not None
    assert mean.grad.abs().max() < 1e-4


def test_rows_and_horizons_without_a_label_carry_no_penalty() -> None:
    penalty, y = BandPenalty(4), torch.tensor([[1.0, torch.nan, 2.0, torch.nan], [5.0, 5.0, 5.0, 5.0]])
    mean = torch.zeros(2, 4, requires_grad=True)
    penalty(mean, y, torch.tensor([True, False])).backward()
    assert mean.grad is not None
    assert torch.isfinite(mean.grad).all()
    assert (mean.grad != 0).tolist() == [[True, False, True, False], [False] * 4]


def test_fixed_masks_answer_alike_and_their_spread_is_variance() -> None:
    net, x = outspoken(dropout=0.3, samples=8), windows()
    with torch.no_grad():
        heads = net(x)
        assert torch.equal(heads, net(x))
        assert torch.equal(heads[16:32], net(x[16:32]))
        means, variances = [], []
        for k in range(8):  # one thinned net after the other
            features, total = x, torch.zeros(len(x), H, 2)
            for part in net.parts:
                features, readout = part.tokens(features), part.readout
                seen = torch.cat((features[:, -1], features.mean(1)), -1)
                total = total + readout.output(torch.nn.functional.silu(readout.hidden(seen)) * readout.masks[k])
            means.append(total[..., 0])
            variances.append(total[..., 1].exp())
        mean, variance = torch.stack(means).mean(0), torch.stack(variances).mean(0) + torch.stack(means).var(0, False)
    torch.testing.assert_close(heads, torch.stack((mean, variance.log()), -1), rtol=0, atol=1e-5)
    assert float((net.parts[0].readout.masks == 0).float().mean()) == pytest.approx(0.3, abs=0.1)


def test_what_cannot_be_built_is_refused() -> None:
    with pytest.raises(ValueError, match="4 grades of 3 layers"):
        make(layers=3)
    with pytest.raises(ValueError, match="expected a dropout between 0 and 1"):
        make(samples=4)
