"""Options that no net takes, and columns that a net reads by name."""

from __future__ import annotations

import socket
from typing import Any

import pytest
import torch

from models.architectures import build
from models.architectures.candle_cnn import CandleCNN
from models.candles import COLUMNS
from models.config import SIGMA
from models.data.dataset import TrainingRefused
from models.data.inputs import Inputs
from models.data.named import named_columns, places
from models.metadata import ColumnUse
from tests.models.market import FINGERPRINTS, NAMES, make_dataset, make_market


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("transformer", {"band": 1}, "transformer: option band is 1, expected an integer from 2 to 512"),
        ("transformer", {"hidden": 8.0}, "option hidden is 8.0, expected an integer from 4"),
        ("transformer_volatility", {"places": [9]}, r"option places is \[9\], expected 1 numbers below 7"),
        ("cnn", {"kernel": 1}, "cnn: option kernel is 1, expected an integer from 2 to 9"),
        ("multiscale", {"ratio": True}, "option ratio is True"),
        ("patchtst", {"context": 9}, "patchtst: option context is 9, expected an integer from 10 to 512"),
        ("patchtst", {"context": 513}, "option context is 513"),
        ("patchtst", {"patch": 3}, "option patch is 3, expected an integer from 4 to 32"),
        ("patchtst", {"context": 10, "patch": 12}, "option patch is 12, expected an integer from 4 to 10"),
        ("patchtsmixer", {"d_model": 63}, "patchtsmixer: option d_model is 63, expected an integer from 64 to 512"),
        ("patchtsmixer", {"heads": 17}, "option heads is 17, expected an integer from 4 to 16"),
        ("patchtst", {"d_model": 65, "heads": 4}, "option heads is 4, expected a divisor of 65"),
        ("candle_cnn", {"channels": 0}, "candle_cnn: option channels is 0"),
    ],
)
def test_an_option_outside_its_range_is_refused(name: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        build(name, 7, 5, **options)


@pytest.mark.parametrize("name", ["patchtst", "patchtsmixer"])
def test_models_of_transformers_are_made_without_a_network(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    net = build(name, 7, 5)
    assert net.window == 64
    assert net(torch.zeros(2, 64, 7)).shape == (2, 5, 2)


def test_a_candle_net_reads_its_columns_where_they_are() -> None:
    torch.manual_seed(1)
    first, last = (CandleCNN(9, 3, places=at) for at in (range(5), range(4, 9)))
    last.load_state_dict(first.state_dict())
    x = torch.randn(2, 32, 9) * 0.01
    moved = x.clone()
    moved[..., 4:9] = x[..., :5]
    assert torch.equal(first(x), last(moved))


def test_named_columns_come_as_they_are() -> None:
    dataset = make_dataset(make_market(3, 200))
    named = named_columns(dataset, ["transformer_volatility", "gru", "transformer_volatility"])
    assert [column.name for column in named] == [SIGMA]
    scaled = ColumnUse(SIGMA, FINGERPRINTS[SIGMA], True, 1e-4, 2e-4, False)
    assert places("transformer_volatility", (scaled, *named)) == {"places": [1]}
    assert places("gru", (scaled,)) == {}
    x = Inputs(named, NAMES, FINGERPRINTS).make(dataset.values, dataset.eligible.nonzero()[0])
    assert (x[:, 0] == dataset.values[dataset.eligible, NAMES.index(SIGMA)]).all()


def test_a_missing_named_column_is_refused() -> None:
    dataset = make_dataset(make_market(3, 200))
    with pytest.raises(TrainingRefused, match=f"the columns {list(COLUMNS)}".replace("[", r"\[")):
        named_columns(dataset, ["candle_cnn"])
    scaled = ColumnUse(SIGMA, FINGERPRINTS[SIGMA], True, 1e-4, 2e-4, False)
    with pytest.raises(TrainingRefused, match=r"reads the columns .'reference_volatility_60'., which the model leaves"):
        places("transformer_volatility", (scaled,))
