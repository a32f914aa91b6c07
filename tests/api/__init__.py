"""The HTTP service, over a store that the sinks filled."""
