"""Search over a model's options, how it is trained, and the feature families that it may read."""

from __future__ import annotations
