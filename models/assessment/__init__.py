"""Models judged on history they never learned from, without registering anything."""
