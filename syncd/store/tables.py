"""The schema of the database. Migrations bring older files to it, and a test checks that the two agree.

STRICT tables know only INTEGER, REAL, TEXT and BLOB; times are text (`model.to_text`), flags 0 or 1.
The columns that docs/sql.md names are a promise to users; the others are ours to change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import REAL, CheckConstraint, Column, Index, Integer, LargeBinary, MetaData, Table, Text, text
from sqlalchemy.types import TypeEngine

from syncd.store import image_columns

metadata = MetaData()


def _text(name: str, **kw: object) -> Column[str]:
    return Column(name, Text, **kw)  # type: ignore[arg-type]  # forwarded keyword arguments


def _flag(name: str, default: int) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default=text(str(default)))


def _count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default=text("0"))


def _seconds(name: str) -> Column[float]:
    return Column(name, REAL, nullable=False, server_default=text("0"))


_SQL_TYPES: Mapping[type, type[TypeEngine[Any]]] = {str: Text, int: Integer, float: REAL, dict: Text}


def _image_fields(names: Iterable[str]) -> Iterator[Column[Any]]:
    """The columns of these fields of `model.Image`; only the id must be there. A list or an object is JSON text."""
    for name in names:
        yield Column(name, _SQL_TYPES[image_columns.KINDS[name]], nullable=name != "image_id")


accounts = Table(
    "accounts",
    metadata,
    _text("account", primary_key=True),
    _flag("active", 1),
    _text(
        "scope", nullable=False
    ),  # hash of base_url, project and the key's account: what the rows belong to
    _text("key_hash", nullable=False),
    _text("projects"),  # JSON list of the project ids last read with this key
    _text("first_baseline_at"),
    _text("hello_at"),
    _text("discovered_at"),  # last successful region discovery
    _count("discovery_failures"),
    _text("discovery_error"),
    _text("discovery_class"),
    _text("discovery_failing_since"),
    _text("alert_class"),  # the open alert, if any
    _text("alert_since"),  # when the trouble began
    _text("alert_opened_at"),  # when it was first announced; a complete sync since then counts for recovery
    _text("alert_said_at"),  # when it was last announced or repeated
    _text("alert_told"),  # JSON: while it is open, classes announced, regions named, regions that failed
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

targets = Table(
    "targets",
    metadata,
    _text("account", primary_key=True),
    _text("region", primary_key=True),
    _flag("active", 1),
    _text("scope"),  # the accounts.scope its rows belong to; another one means: rebaseline
    _text("baseline_at"),
    _text("last_attempt_at"),
    _text("last_success_at"),  # start of the last complete sync
    _text("fresh_until"),
    _count("failures"),  # failed or incomplete syncs in a row
    _text("last_error"),
    _text("failure_class"),
    _text("failing_since"),  # start of the first of the failures in a row
    _count("live_count"),
    _count("held_count"),
    _text("episode_at"),  # start of the first sync that lacked rows which are still missing
    _text("lookups_warned_at"),  # when this episode said that lookups prove nothing
    _text("unlisted_since"),  # since when the region discovery no longer names it
    _text("disagreement_warned_at"),  # when this episode said that lookups find what the list lacks
    _text("empty_since"),  # before the baseline: the first of the empty lists in a row, how many, and the
    _count("empty_syncs"),
    _seconds("empty_seconds"),  # observed time of theirs
    _text("next_attempt_at"),  # while it fails: when it is tried again at the latest
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

image_rows = Table(
    "image_rows",
    metadata,
    _text("account", nullable=False),
    _text("region", nullable=False),
    *_image_fields(name for name in image_columns.NAMES if name not in image_columns.APPENDED),
    _text("first_seen_at", nullable=False),
    _text("shared_at", nullable=False),
    _text("changed_at", nullable=False),
    _text("missing_since"),
    _count("missing_syncs"),
    _text("shown_at"),  # while missing: the last complete sync that showed it
    _flag("held", 0),
    _text("revoked_at"),
    _text("payload", nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    _seconds("missing_seconds"),  # observed time for which complete listings lacked it
    *_image_fields(image_columns.APPENDED),
    Index("image_rows_key", "account", "region", "image_id", unique=True),
    Index("image_rows_by_image", "image_id"),
    # A sync without news reads only this index. revoked_at is always NULL in it, but without it SQLite would not see
    # that the index covers the whole query.
    Index(
        "image_rows_live",
        "account", "region", "image_id", "fingerprint", "missing_since", "missing_syncs", "held", "shown_at",
        "missing_seconds", "revoked_at",
        sqlite_where=text("revoked_at IS NULL"),
    ),
    # This finds the other regions that list an image.
    Index(
        "image_rows_facts", "account", "image_id", "region", "revoked_at", sqlite_where=text("revoked_at IS NULL")
    ),
    # This lists the newest images first.
    Index("image_rows_newest", "shared_at", "image_id", sqlite_where=text("revoked_at IS NULL")),
    # This lists the images that an account lost lately.
    Index("image_rows_lost", "account", "revoked_at", sqlite_where=text("revoked_at IS NOT NULL")),
    sqlite_strict=True,
)  # fmt: skip

facts = Table(
    "facts",
    metadata,
    _text("account", primary_key=True),
    _text("image_id", primary_key=True),
    _flag("live", 1),
    _text("status"),
    Column("digest", LargeBinary, nullable=False),
    _text("baseline_at"),  # when a baseline wrote it untold; NULL once an ordinary event told it
    _text("lost_region"),  # the last region that lost it while the account was not told
    _text("doubted_at"),  # since when it is in doubt whether what was told agrees with what the regions show
    _text("found_at"),  # when a lookup last found it in a region that does not list it
    Index("facts_gone", "account", "image_id", sqlite_where=text("live = 0")),
    Index("facts_doubted", "account", "image_id", sqlite_where=text("doubted_at IS NOT NULL")),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

events = Table(
    "events",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    _text("id", nullable=False, unique=True),
    _text("type", nullable=False),
    _text("account"),
    _text("region"),
    _text("image_id"),
    _text("observed_at", nullable=False),
    _text("scope"),
    _flag("baseline", 0),
    Column("run_id", Integer),
    _text("body", nullable=False),
    Index(
        "events_by_image", "image_id", "account", "region", "seq", sqlite_where=text("image_id IS NOT NULL")
    ),
    Index("events_by_time", "observed_at"),
    Index("events_by_type", "type", "seq"),
    sqlite_strict=True,
    sqlite_autoincrement=True,
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("event_seq", Integer, primary_key=True),
    _text("sink", primary_key=True),
    _text("state", nullable=False, server_default=text("'pending'")),
    _count("attempts"),
    _text("next_attempt_at"),
    _text("last_error"),
    _text("finished_at"),
    _text(
        "tried_at"
    ),  # when it last failed through the receiver's fault: probes go to the one tried least recently
    _count("strikes"),  # how often it failed while others were delivered
    CheckConstraint("state IN ('pending', 'delivered', 'dead', 'skipped')", name="deliveries_state"),
    Index("deliveries_pending", "sink", "event_seq", sqlite_where=text("state = 'pending'")),
    Index("deliveries_finished", "finished_at", sqlite_where=text("finished_at IS NOT NULL")),
    Index("deliveries_by_sink", "sink", "state", "event_seq"),
    # This finds the few that their receiver refused among many that wait.
    Index("deliveries_refused", "sink", "event_seq", sqlite_where=text("state = 'pending' AND attempts > 0")),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

sinks = Table(
    "sinks",
    metadata,
    _text("name", primary_key=True),
    _text("state", nullable=False, server_default=text("'ok'")),
    _text("since", nullable=False),
    _text("next_attempt_at"),
    _text("last_error"),
    _count("failures"),  # receiver failures in a row
    _text("failed_said_at"),  # when sink.failed was announced, while it is open
    _text("failed_reason"),  # why: backing_off, gone, disabled
    _text("absent_since"),  # since when the configuration no longer names it
    _text("away_since"),  # since when it took nothing; NULL from its next success on
    _text("dead_said_at"),  # when sink.failed for a dead event was announced, while one is dead
    _text("tried_at"),  # when its next_attempt_at was set
    _text(
        "settings_digest"
    ),  # of its configuration without secrets: what was refused is tried again when it changes
    CheckConstraint("state IN ('ok', 'backing_off', 'disabled')", name="sinks_state"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

clock = Table(
    "clock",
    metadata,
    Column("id", Integer, primary_key=True),
    _text("seen_at", nullable=False),  # when it was last looked at
    _text("steady_since", nullable=False),  # since when no two looks were far apart, or in the wrong order
    _text("pruned_at"),
    CheckConstraint("id = 1", name="clock_one_row"),
    sqlite_strict=True,
)

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    _text("account", nullable=False),
    _text("region", nullable=False),
    _text("started_at", nullable=False),
    _text("finished_at", nullable=False),
    Column("count", Integer, nullable=False, server_default=text("1")),
    _text("outcome", nullable=False),
    _count("pages"),
    _count("listed"),
    _count("shared"),
    _count("revoked"),
    _count("status_changed"),
    _count("updated"),
    _count("unreadable"),  # compared fields of an unexpected type
    _text("error"),
    CheckConstraint("outcome IN ('complete', 'incomplete', 'held', 'failed')", name="runs_outcome"),
    Index("runs_by_target", "account", "region", "id"),
    Index("runs_by_time", "finished_at"),
    sqlite_strict=True,
    sqlite_autoincrement=True,
)

requests = Table(
    "requests",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    _text("kind", nullable=False),  # sync, release, enable, disable, replay, prune
    _text("args", nullable=False),  # JSON object
    _text("created_at", nullable=False),
    _text("begun_at"),
    _text("finished_at"),
    Column("exit_code", Integer),
    _text("answer"),  # JSON object for the command that waits
    Index("requests_open", "id", sqlite_where=text("finished_at IS NULL")),
    sqlite_strict=True,
    sqlite_autoincrement=True,
)

_OF_ROW = ", ".join(f"r.{name}" for name in image_columns.VIEW_COLUMNS)
_ROWS = "FROM image_rows AS r JOIN targets AS t ON t.account = r.account AND t.region = r.region"

VIEWS = {
    "all_images": (
        f"CREATE VIEW all_images AS SELECT {_OF_ROW},"
        " CASE WHEN r.revoked_at IS NULL AND r.missing_since IS NULL THEN t.last_success_at ELSE r.shown_at END"
        f" AS last_seen_at, r.payload, r.revoked_at {_ROWS}"
    ),
    "images": (
        f"CREATE VIEW images AS SELECT {_OF_ROW},"
        " CASE WHEN r.missing_since IS NULL THEN t.last_success_at ELSE r.shown_at END"
        f" AS last_seen_at, r.payload {_ROWS} WHERE r.revoked_at IS NULL AND t.active = 1"
    ),
}
"""The public views, in the order in which they are made."""
