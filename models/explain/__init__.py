"""Why a model said what it said of one row: what each feature added to the expected return.

Trees by TreeSHAP, nets by integrated gradients (or sampled Shapley values where no gradient passes), any member by
LIME. Members' answers are mixed by the weights they voted with, so the parts add up to what was served. Off the hot
path: nothing here is called while rows stream.
"""

from __future__ import annotations
