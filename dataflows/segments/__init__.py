"""The segment log: messages on a local disk, appended by one process a lane and read by others (ADR 10)."""
