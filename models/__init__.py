"""Models: data sets from replayed history, training, the registry of versions, inference in the stream."""
