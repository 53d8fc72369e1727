"""The reading half of the store: plain SQL through the standard library alone, so that commands start quickly."""

from syncd.store.queries.deliveries import count_deliveries, deliveries, sinks
from syncd.store.queries.events import (
    EventFilter,
    Follower,
    count_events,
    events,
    first_events,
    history,
    last_seq,
)
from syncd.store.queries.images import (
    ImageFilter,
    count_images,
    count_images_by_region,
    image,
    images,
    images_by_region,
    missing,
    payload,
)
from syncd.store.queries.known_values import known_values
from syncd.store.queries.reader import Reader
from syncd.store.queries.row_types import (
    AccountRow,
    DeliveryRow,
    DeliveryState,
    EventRow,
    ImageLine,
    ImageRow,
    MissingRow,
    RunRow,
    SinkRow,
    TargetRow,
)
from syncd.store.queries.runs import count_runs, runs
from syncd.store.queries.targets import accounts, targets

__all__ = [
    "AccountRow", "DeliveryRow", "DeliveryState", "EventFilter", "EventRow", "Follower", "ImageFilter", "ImageLine",
    "ImageRow", "MissingRow", "Reader", "RunRow", "SinkRow", "TargetRow",
    "accounts", "count_deliveries", "count_events", "count_images", "count_images_by_region", "count_runs",
    "deliveries", "events", "first_events", "history", "image", "images", "images_by_region", "known_values",
    "last_seq", "missing", "payload", "runs", "sinks", "targets",
]  # fmt: skip
