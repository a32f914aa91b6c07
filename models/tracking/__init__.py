"""Trackers: what was tried, with which choices, and how it went; and a copy of the registry for those who look there.

The truth about versions is the registry of directories (models/registry/register.py). A tracker mirrors
it, and never stops a training: where it fails, the plain one holds the run.
"""

from __future__ import annotations
