"""Checkpoints: cut, written, found, archived, looked at, moved, brought up to the newest version of state."""
