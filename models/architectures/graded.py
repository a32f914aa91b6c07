"""Nets that are fitted grade by grade (Fang and Xu 2024, arXiv 2410.16105).

Each grade reads the features of the one before, which is frozen by then, and adds its heads to the sum of those before:
it is fitted to what they left over. What the frozen ones make of a window never changes again, so a layout computes
it once and keeps it (models/training/frozen.py): an epoch costs one grade.
"""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from models.architectures import WindowNet


class GradedNet(WindowNet):
    """A net over windows in `grades` parts, of which one learns at a time."""

    grade: int  # the one that learns, from 0 on; those before it are frozen, those behind it are silent

    @abstractmethod
    def begin_grade(self, grade: int) -> None:
        """Let a grade learn, which adds nothing at its start if there is one before it, and freeze those before.

        Called in this order, also where a run goes on that was broken off, before its weights are read.
        """

    @abstractmethod
    def below(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the frozen grades make of windows (B, W, F): features (B, ..) and the sum of heads (B, H, 2).

        A function of each window alone, the same in training mode; before any is frozen, the windows and zeros.
        """

    @abstractmethod
    def above(self, features: Tensor, heads: Tensor) -> Tensor:
        """Return the heads (B, H, 2) of the grade that learns, upon what `below` gave."""
