"""A net with a step form served by ONNX Runtime: a whole step for every bar time, states in plain arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from models.architectures import StepNet
from models.labels import Float32
from models.serving.buckets import Forward, Staging, agreeing
from models.serving.onnx_nets import OnnxNet
from models.serving.stepper import cut, samples
from models.serving.waves import waves
from schema.ticks import Int32


class OnnxStepper:
    """One net's session and the states of S symbols."""

    place = "cpu"

    def __init__(
        self, step: OnnxNet, net: StepNet, inputs: int, horizons: int, buckets: Sequence[int], n_symbols: int
    ) -> None:
        self._step, self._horizons = step, horizons
        self._state = np.zeros((n_symbols, net.state_size), np.float32)
        self.buckets = agreeing(buckets, torch.device("cpu"), trial(step, net, inputs, max(buckets)))
        self._inputs, self._states = Staging(self.buckets, inputs), Staging(self.buckets, net.state_size)

    def grow(self, n_symbols: int) -> None:
        """Make room for more symbols; new ones start from a zero state."""
        more = np.zeros((n_symbols - len(self._state), self._state.shape[1]), np.float32)
        self._state = np.concatenate((self._state, more))

    def run(self, x: Float32, symbol: Int32) -> Float32:
        """Step n rows (n, F), those of a symbol in order, and return mean and log variance (n, H, 2)."""
        result = np.empty((len(x), self._horizons, 2), np.float32)
        if not len(x):
            return result
        order, first = waves(symbol, len(self._state))
        for begin, end in cut(first, self.buckets.sizes[-1]):
            rows = order[begin:end]
            own = symbol[rows]
            heads, state = self._step(self._inputs.put(x, rows), self._states.put(self._state, own))
            result[rows], self._state[own] = heads[: len(rows)], state[: len(rows)]
        return result

    def snapshot(self) -> np.ndarray:
        """Return the states (S, K), live."""
        return self._state

    def restore(self, state: np.ndarray) -> None:
        """Take over states that `snapshot` gave, of any executor."""
        self._state = np.array(state, np.float32)


def trial(step: OnnxNet, net: StepNet, inputs: int, n: int) -> Forward:
    """Return a step of any of n random rows from random states."""
    x, states = samples(net, inputs, n)
    return lambda rows: step.torch(x[rows], states[rows])
