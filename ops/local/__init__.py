"""Kafka, QuestDB and Redis on this machine, without Docker: `python -m ops.local up|down|status|logs`."""
