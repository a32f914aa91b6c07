"""Nets: completeness of integrated gradients, sampled Shapley values against their definition, attention, LIME."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.architectures import Net, StepNet, WindowNet, architectures, build, small_options
from models.explain.attention import attention_of
from models.explain.gradients import has_gradient, integrated_gradients
from models.explain.local_line import asked_of, lime
from models.explain.net_question import SPAN, Question, question_of
from models.explain.shapley import sampled_shapley
from tests.models.explain.shapley_oracle import shapley

D, H = 6, 4
ATTENDING = ("gru_attention", "lstm_bidirectional", "lstm_direction", "mgdl", "patchtst", "transformer",
             "transformer_multiscale", "transformer_volatility")  # fmt: skip


def net_of(name: str) -> Net:
    torch.manual_seed(7)
    net = build(name, D, H, **small_options(name))
    for parameter in net.parameters():
        if parameter.ndim > 1:  # the heads begin near zero, which would explain nothing
            parameter.data += 0.2 * torch.randn_like(parameter)
    return net.eval().requires_grad_(False)


def rows(n: int = 90) -> np.ndarray:
    x = np.random.default_rng(8).standard_normal((n, D)).astype(np.float32)
    x[:, 0] = 0.01 * np.abs(x[:, 0]) + 0.001  # where a net reads a volatility by name
    return x


def ask(name: str, primary: int = 2) -> tuple[Net, Question]:
    net = net_of(name)
    blank = np.zeros(D, np.float32)
    blank[0] = np.median(rows()[:, 0])
    return net, question_of(net, rows(), blank, primary)


@pytest.mark.parametrize("name", architectures())
def test_what_is_explained_is_what_the_net_says(name: str) -> None:
    net, question = ask(name)
    x = torch.from_numpy(rows())
    if isinstance(net, WindowNet):
        said = net(x[None, -net.window :])[0, 1, 0]
    else:
        assert isinstance(net, StepNet)
        said = net(x[None], net.start(1))[0][0, -1, 1, 0]
        assert len(question.x) == SPAN
    torch.testing.assert_close(question.f(question.x[None])[0], said, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", architectures())
def test_parts_add_up_whatever_the_net(name: str) -> None:
    _, question = ask(name)
    gradient = has_gradient(question)
    assert gradient == (name != "candle_cnn"), "it draws its rows: no gradient passes"
    found = integrated_gradients(question) if gradient else sampled_shapley(question, np.arange(D), 1, pairs=1)
    assert found.output == pytest.approx(float(question.f(question.x[None])[0]), abs=1e-6)
    gap = found.base + found.parts.sum() - found.output
    assert abs(gap) <= 0.01 * abs(found.output - found.base) + 1e-4


def test_integrated_gradients_of_a_polynomial_are_those_of_the_paper() -> None:
    """f = sum over rows of a b + c^2 from zero: a and b share their product alike, c has its square."""
    x = torch.tensor([[1.0, 2.0, 3.0], [2.0, -1.0, 1.0]])
    question = Question(lambda w: (w[..., 0] * w[..., 1] + w[..., 2] ** 2).sum(1), x, torch.zeros(2, 3))
    found = integrated_gradients(question)
    np.testing.assert_allclose(found.parts, [0.0, 0.0, 10.0], atol=1e-5)
    one = integrated_gradients(Question(question.f, x[:1], torch.zeros(1, 3)))
    np.testing.assert_allclose(one.parts, [1.0, 1.0, 9.0], atol=1e-5)


def test_sampled_shapley_values_tend_to_those_of_the_definition() -> None:
    _, question = ask("gru")
    owner = np.array([0, 1, 2, 3, 1, 2])  # the last two are mask bits of columns 1 and 2

    def value(known: frozenset[int]) -> float:
        mask = torch.tensor([o in known for o in owner])
        return float(question.f(torch.where(mask, question.x, question.blank)[None])[0])

    exact = shapley(value, 4)
    found = sampled_shapley(question, owner, 3, pairs=60)
    assert np.abs(exact).max() > 0.01
    np.testing.assert_allclose(found.parts[:4], exact, atol=0.1 * np.abs(exact).max())
    np.testing.assert_array_equal(found.parts[4:], 0.0)
    assert found.base + found.parts.sum() == pytest.approx(found.output, abs=1e-5)


def test_a_window_that_is_not_full_is_refused() -> None:
    net = net_of("cnn_lstm") if isinstance(net_of("cnn_lstm"), WindowNet) else net_of("lstm_direction")
    with pytest.raises(ValueError, match="it said nothing here"):
        question_of(net, rows(3), np.zeros(D, np.float32), 1)


@pytest.mark.parametrize("name", ATTENDING)
def test_attention_is_a_distribution_over_what_was_there(name: str) -> None:
    net, question = ask(name)
    found = attention_of(net, question)
    assert found
    for layer in found:
        assert sum(layer.weights) == pytest.approx(1.0, abs=1e-4)
        assert min(layer.weights) >= 0.0
        assert layer.layer


def test_attention_is_that_of_the_module() -> None:
    net, question = ask("lstm_direction")
    y, _ = net.cell(net.norm(net.input(question.x[None])))
    _, expected = net.attention(y[:, -1:], y, y, need_weights=True)
    (found,) = attention_of(net, question)
    np.testing.assert_allclose(found.weights, expected[0, 0].numpy(), rtol=1e-5, atol=1e-7)


def test_nets_without_attention_have_none() -> None:
    assert attention_of(*ask("gru")) == ()
    assert attention_of(*ask("multiscale")) == (), "its softmax mixes scales, not rows"


def test_lime_finds_a_line_and_says_how_well_it_fits() -> None:
    slopes = np.array([0.5, -2.0, 0.0, 1.0, 0.0, 0.0])
    x = rows()[-1]
    found = lime(lambda z: z @ slopes + 3.0, x, rows(), 1)
    assert found.fit is not None and found.fit > 0.99
    assert found.base + found.parts.sum() == pytest.approx(found.output, abs=0.05)
    again = lime(lambda z: z @ slopes + 3.0, x, rows(), 1)
    np.testing.assert_array_equal(found.parts, again.parts)
    with pytest.raises(ValueError, match="LIME needs 30"):
        lime(lambda z: z @ slopes, x, rows(10), 1)


def test_lime_asks_a_net_with_its_whole_window_moved() -> None:
    _, question = ask("gru")
    asked = asked_of(question)
    last = question.x[-1].numpy().astype(np.float64)
    assert asked(last[None])[0] == pytest.approx(float(question.f(question.x[None])[0]), abs=1e-6)
    moved = last + 0.5
    assert asked(moved[None])[0] == pytest.approx(float(question.f(question.x[None] + 0.5)[0]), abs=1e-5)
