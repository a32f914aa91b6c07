"""What `undertone replay --from-store` reads: a stored run, from its first tick or from an archived checkpoint on."""

from __future__ import annotations

from dataflows.checkpoints import archive
from dataflows.interfaces import Snapshot
from dataflows.live import checkpoint_folder
from dataflows.sources.stored_run import StoredRun, at_watermark
from dataflows.stored import open_place
from ops.errors import ConfigurationError, UsageError
from ops.log import logger
from ops.settings import Settings
from schema.times import iso

MILLISECOND = 1_000_000  # ns


def as_decided(settings: Settings, ran: Settings, namespace: str | None) -> Settings:
    """Return settings that refuse no tick, since the stored verdicts are obeyed, and write beside the run."""
    target = namespace or "replay"
    if target == ran.store.namespace:
        raise UsageError(f"replay: namespace {target!r} is the one that is read; name another with --namespace")
    order = settings.order.model_copy(update={"outlier_bound": 0.0})
    store = settings.store.model_copy(update={"namespace": target})
    return settings.model_copy(update={"order": order, "store": store})


def stored_run(
    ran: Settings, start: int | None, end: int | None, batch_size: int, resume: bool
) -> tuple[StoredRun, Snapshot | None]:
    """Open the run of the settings' store; with a start, from the newest archived checkpoint before it."""
    try:
        place = open_place(ran.store.url, ran.store.namespace)
        found = None if start is None or resume else archive.newest_before(checkpoint_folder(ran), start)
        source = StoredRun(place, start if found is None else None, end, batch_size)
    except ValueError as error:
        raise ConfigurationError(f"replay: {error}") from None
    if found is None:
        if start is not None and not resume:
            logger("replay").warning("no archived checkpoint before; features burn in from here", since=iso(start))
        return source, None
    snapshot, day = found
    logger("replay").info(
        "begins at the archived checkpoint", day=day, watermark=iso(archive.watermark_of(snapshot) or 0)
    )
    return source, at_watermark(snapshot, ran.order.bound_ms * MILLISECOND)
