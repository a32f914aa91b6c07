"""Models for other runtimes: graphs of a version's nets, each held against PyTorch before anyone uses it."""
