"""The loop that fits nets: what ends it, what breaks it, and that a killed run goes on to the same bits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from models.architectures import WindowNet
from models.config import SCHEDULES, NetConfig
from models.likelihood import negative_log_likelihood
from models.progress import Step, silent
from models.training.augmentation import augmented, disturb
from models.training.checkpoints import BadCheckpoint, load_checkpoint, save_checkpoint
from models.training.class_weights import class_weights, weighted_by_class
from models.training.fit_run import TrainingFailed
from models.training.fitting import Fit, fit_net
from models.training.learner import rate_share
from models.training.stopping import Stopper

ROOT = Path(__file__).resolve().parents[2]
SMALL = NetConfig("gru", {"hidden": 8}, streams=12, chunk=40, burn_in=10, batch=64, epochs=4, learning_rate=2e-2)


def problem(n: int = 720) -> tuple[Any, ...]:
    random = np.random.default_rng(3)
    x = random.standard_normal((n, 3)).astype(np.float32)
    y = (0.8 * x[:, :1] + 0.6 * random.standard_normal((n, 2))).astype(np.float32)
    symbol, eligible = np.tile(np.arange(3, dtype=np.int32), n // 3), np.ones(n, np.bool_)
    return x, y, symbol, eligible, np.arange(60, 2 * n // 3), np.arange(2 * n // 3, n)


def fit(config: NetConfig = SMALL, seed: int = 1, **more: Any) -> Fit:
    torch.set_num_threads(1)
    return fit_net(config, *problem(), seed, silent, **more)


class Tiny(WindowNet):
    """One linear layer, with something to go wrong."""

    window = 4

    def __init__(self) -> None:
        super().__init__()
        self.output = nn.Linear(3, 4)
        self.largest = 0
        self.room = 10**9
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        if len(x) > self.room:
            raise torch.OutOfMemoryError("no room")
        self.largest = max(self.largest, len(x))
        heads: Tensor = self.output(x[:, -1]).unflatten(-1, (2, 2))
        return heads


def with_tiny(monkeypatch: pytest.MonkeyPatch) -> Tiny:
    torch.manual_seed(0)
    net = Tiny()
    monkeypatch.setattr("models.training.fitting.build", lambda *args, **options: net)
    return net


def same(a: Fit, b: Fit) -> bool:
    ours, theirs = a.net.state_dict(), b.net.state_dict()
    return all(torch.equal(ours[name], theirs[name]) for name in ours) and a.history == b.history


def test_a_seed_decides_every_bit() -> None:
    assert same(fit(), fit())
    assert not same(fit(), fit(seed=2))


def test_a_run_that_is_killed_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    """SIGKILL in the middle of a run, wherever that is; the resumed one ends as if nothing had happened."""
    program = (
        "import sys, time; from tests.models.test_fitting import SMALL, problem\n"
        "from models.training.fitting import fit_net\n"
        "from pathlib import Path; from dataclasses import replace; import torch; torch.set_num_threads(1)\n"
        "fit_net(replace(SMALL, epochs=16, patience=60, divergence=9.0), *problem(), 1, "
        "lambda step: print(step.text, flush=True), checkpoint=Path(sys.argv[1]))\n"
    )
    checkpoint, config = tmp_path / "run.safetensors", replace(SMALL, epochs=16, patience=60, divergence=9.0)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(checkpoint)], stdout=subprocess.PIPE, env=environment, cwd=ROOT
    )
    assert process.stdout is not None
    for _ in range(3):
        assert process.stdout.readline()
    time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.stdout.close()
    assert process.wait() == -signal.SIGKILL
    _, about = load_checkpoint(checkpoint)
    assert 2 <= len(about["history"]) < 16
    resumed, undisturbed = fit(config, checkpoint=checkpoint), fit(config)
    assert same(resumed, undisturbed)
    assert all(torch.equal(resumed.optimiser[name], t) for name, t in undisturbed.optimiser.items())
    assert same(fit(config, checkpoint=checkpoint), undisturbed)  # a finished one is not fitted again


def test_what_the_checkpoint_holds_matters(tmp_path: Path) -> None:
    """Planted fault: without the optimiser's moments the resumed run ends elsewhere."""
    checkpoint = tmp_path / "run.safetensors"
    config = replace(SMALL, epochs=8, patience=8, divergence=9.0)

    class Enough(Exception):
        pass

    def until_half(step: Step) -> None:
        if step.share >= 0.5:
            raise Enough

    with pytest.raises(Enough):
        fit_net(config, *problem(), 1, until_half, checkpoint=checkpoint)
    tensors, about = load_checkpoint(checkpoint)
    poorer = {name: t for name, t in tensors.items() if not name.startswith("optimiser.exp")}
    poorer = {name: t for name, t in poorer.items() if not name.startswith("optimiser.step")}
    save_checkpoint(checkpoint, poorer, about)
    assert not same(fit(config, checkpoint=checkpoint), fit(config))


def test_a_damaged_or_foreign_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    save_checkpoint(path, {"a": torch.arange(8.0)}, {"history": []})
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(BadCheckpoint, match=r"sha256 \w+, expected \w+; train again without --resume"):
        load_checkpoint(path)
    path.write_bytes(whole[:30])
    with pytest.raises(BadCheckpoint, match="no safetensors file"):
        load_checkpoint(path)
    path.write_bytes(b"\x80\x04cos\nsystem\n")  # a pickle
    with pytest.raises(BadCheckpoint, match="no safetensors file"):
        load_checkpoint(path)
    save_file({"a": torch.zeros(2)}, path)
    with pytest.raises(BadCheckpoint, match="that no training wrote"):
        load_checkpoint(path)


def test_a_loss_that_is_no_number_names_epoch_and_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    net = with_tiny(monkeypatch)
    forward = net.forward

    def later_nan(x: Tensor) -> Tensor:
        return forward(x) * (float("nan") if net.calls >= 14 else 1.0)

    monkeypatch.setattr(net, "forward", later_nan)
    with pytest.raises(
        TrainingFailed, match=r"loss of tiny is nan in epoch 2, mini-batch 3 of 7; lower train.learning"
    ):
        fit(replace(SMALL, architecture="tiny"))


def test_a_device_without_room_gets_smaller_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    net = with_tiny(monkeypatch)
    net.room = 20
    done = fit(replace(SMALL, architecture="tiny", batch=64))
    assert net.largest == 16
    assert len(done.notes) == 2 and "ran out of memory in epoch 1; mini-batches are 16 windows" in done.notes[1]
    assert [epoch.epoch for epoch in done.history] == [1, 2, 3, 4]
    net = with_tiny(monkeypatch)
    net.room = 0
    with pytest.raises(TrainingFailed, match="no room for one sequence of tiny"):
        fit(replace(SMALL, architecture="tiny", batch=2, streams=2))


def test_the_best_epoch_is_kept_and_patience_ends_it() -> None:
    config = replace(SMALL, epochs=40, patience=3, learning_rate=0.3, schedule="constant", divergence=9.0)
    done = fit(config)
    best = min(done.history, key=lambda epoch: epoch.stop_loss).epoch
    assert done.ended == "patience"
    assert len(done.history) == best + 3
    assert same(fit(replace(config, epochs=best)), replace(done, history=done.history[:best]))


def test_overfitting_is_the_growth_of_the_gap() -> None:
    stopper = Stopper(patience=50, divergence=0.1)
    for k, (fit_loss, stop_loss) in enumerate([(1.4, 1.9), (1.3, 1.8), (1.2, 1.78)]):
        stopper.note(k + 1, fit_loss, stop_loss, 1)
        assert stopper.reason == ""  # a wide gap alone is another market, not overfitting
    for k, (fit_loss, stop_loss) in enumerate([(1.0, 1.85), (0.9, 1.95), (0.8, 2.1)]):
        assert stopper.reason == ""
        stopper.note(k + 4, fit_loss, stop_loss, 1)
    assert stopper.reason == "overfitting"
    assert stopper.epochs[-1].diverged == pytest.approx((2.1 - 0.8 - 0.5) / 0.8)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_schedule_begins_and_ends_as_its_name_says(schedule: str) -> None:
    rates = [rate_share(schedule, step, 100) for step in range(101)]
    assert max(rates) <= 1 and min(rates) >= 0
    assert {"cosine": rates[0] == 1 and rates[-1] < 1e-9, "constant": set(rates) == {1.0},
            "one_cycle": rates[0] == 0.04 and max(rates) == rates[30] and rates[-1] < 1e-9}[schedule]  # fmt: skip


def test_gathered_gradients_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two halves gathered are one mini-batch: equal up to rounding, on batches of equal size."""
    weights = []
    for batch, accumulate in ((60, 1), (30, 2)):
        net = with_tiny(monkeypatch)
        fit(replace(SMALL, batch=batch, accumulate=accumulate, epochs=1, augment=0.0))
        weights.append(net.output.weight.detach().clone())
    torch.testing.assert_close(weights[0], weights[1], rtol=0.05, atol=3e-3)


def test_augmentation_disturbs_a_share_while_learning_only() -> None:
    torch.manual_seed(1)
    x = torch.randn(4000, 3, 5)
    y = disturb(x, 0.1, (2,))
    touched = (x != y).any(-1).any(-1)
    assert 0.08 < touched.float().mean() < 0.12
    assert torch.equal(x[..., 2], y[..., 2])
    assert 0.05 < (y[touched][..., [0, 1, 3, 4]] == 0).float().mean() < 0.15
    seen: list[Tensor] = []

    class Spy(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(x)
            return x

    net = Spy()
    with augmented(net, 1.0):
        net.eval()(x)
        net.train()(x)
    net(x)
    assert [torch.equal(x, z) for z in seen] == [True, False, True]


def test_a_rare_class_weighs_more_and_the_mean_stays_one() -> None:
    y = np.concatenate([np.full(50, -1.0), np.zeros(800), np.full(150, 1.0), [np.nan]]).astype(np.float32)
    down, sideways, up = class_weights(y, np.arange(len(y)))
    assert down > up > sideways > 0
    assert 50 * down + 800 * sideways + 150 * up == pytest.approx(1000)
    net = Tiny().train()
    heads, labels, counts = torch.zeros(3, 2, 2), torch.tensor([[-1.0, 0.0]] * 3), torch.ones(3, dtype=torch.bool)
    plain, n = net.loss(heads, labels, counts)
    with weighted_by_class(net, y, np.arange(len(y))):
        weighted, m = net.loss(heads, labels, counts)
        one, _ = negative_log_likelihood(heads[:, :1], labels[:, :1], counts)
        other, _ = negative_log_likelihood(heads[:, 1:], labels[:, 1:], counts)
        assert float(weighted) == pytest.approx(float(down * one + sideways * other), rel=1e-5)
        assert torch.equal(net.eval().loss(heads, labels, counts)[0], plain)
    assert int(n) == int(m) == 6


def test_half_precision_learns_about_the_same() -> None:
    whole, half = fit(replace(SMALL, epochs=6)), fit(replace(SMALL, epochs=6, precision="bfloat16"))
    assert half.net.state_dict()["output.weight"].dtype == torch.float32
    assert abs(min(e.stop_loss for e in whole.history) - min(e.stop_loss for e in half.history)) < 0.05
    assert not same(whole, half)


def test_weights_to_begin_with_are_taken() -> None:
    first = fit(replace(SMALL, epochs=8))
    again = fit(replace(SMALL, epochs=1, learning_rate=1e-6), start=first.net.state_dict())
    assert abs(again.history[0].stop_loss - min(e.stop_loss for e in first.history)) < 0.01


def test_two_processes_take_the_step_of_one(tmp_path: Path) -> None:
    """torchrun with gloo: each process has half of the streams; both end with the same weights, near those of one."""
    program = tmp_path / "train.py"
    program.write_text(
        "import sys, torch\nfrom dataclasses import replace\nfrom safetensors.torch import save_file\n"
        "from models.training.fitting import fit_net\nfrom models.training.processes import rank, together\n"
        "from tests.models.test_fitting import SMALL, problem\ntorch.set_num_threads(1)\n"
        "with together():\n"
        "    done = fit_net(replace(SMALL, augment=0.0), *problem(), 1, lambda step: None)\n"
        "    save_file(done.net.state_dict(), f'{sys.argv[1]}/{rank()}')\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", str(program),
         str(tmp_path)],
        env=environment, cwd=ROOT, check=True, timeout=120, capture_output=True,
    )  # fmt: skip
    first, second, alone = load_file(tmp_path / "0"), load_file(tmp_path / "1"), fit(replace(SMALL, augment=0.0))
    for name, tensor in alone.net.state_dict().items():
        assert torch.equal(first[name], second[name])
        torch.testing.assert_close(first[name], tensor, rtol=1e-3, atol=1e-4)
