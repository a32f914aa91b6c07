"""The Bytewax graphs and what they are made of: stations, sources, sinks, checkpoints, the in-process runner."""
