"""The store that the settings name, with Kafka beside it where they want that."""

from __future__ import annotations

from collections.abc import Sequence

from dataflows.sinks.questdb.options import QuestDbOptions
from dataflows.sinks.stores import OpenedStore, open_store
from ops.settings import Settings
from schema.stores import retention_days


def questdb_options(settings: Settings) -> QuestDbOptions:
    """Return what the settings say of a store in QuestDB."""
    store = settings.store
    return QuestDbOptions(store.spool_directory, store.spool_bytes, retention_days(store.retention_days))


def configured_store(settings: Settings, features: Sequence[str], writer: str) -> OpenedStore:
    """Open it for a writer whose feature rows have the columns `features`. Raises what `open_store` does."""
    store = settings.store
    opened = open_store(store.url, store.namespace, features, questdb_options(settings), writer)
    if not (settings.kafka.predictions or settings.kafka.features):
        return opened
    from dataflows.kafka.sink import with_kafka

    try:
        return with_kafka(opened, settings, features)
    except BaseException:
        opened.close()
        raise
