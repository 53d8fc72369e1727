"""The first schema: accounts, targets, images, events, deliveries, runs, requests, and the views."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None

APPLICATION_ID = 0x73796E63

STATEMENTS = (
    f"PRAGMA application_id = {APPLICATION_ID}",
    """CREATE TABLE accounts (
        account TEXT NOT NULL,
        active INTEGER DEFAULT 1 NOT NULL,
        scope TEXT NOT NULL,
        key_hash TEXT NOT NULL,
        projects TEXT,
        first_baseline_at TEXT,
        hello_at TEXT,
        discovered_at TEXT,
        discovery_failures INTEGER DEFAULT 0 NOT NULL,
        discovery_error TEXT,
        discovery_class TEXT,
        discovery_failing_since TEXT,
        alert_class TEXT,
        alert_since TEXT,
        alert_opened_at TEXT,
        alert_said_at TEXT,
        alert_told TEXT,
        PRIMARY KEY (account)
    ) WITHOUT ROWID, STRICT""",
    """CREATE TABLE targets (
        account TEXT NOT NULL,
        region TEXT NOT NULL,
        active INTEGER DEFAULT 1 NOT NULL,
        scope TEXT,
        baseline_at TEXT,
        last_attempt_at TEXT,
        last_success_at TEXT,
        fresh_until TEXT,
        failures INTEGER DEFAULT 0 NOT NULL,
        last_error TEXT,
        failure_class TEXT,
        failing_since TEXT,
        live_count INTEGER DEFAULT 0 NOT NULL,
        held_count INTEGER DEFAULT 0 NOT NULL,
        episode_at TEXT,
        lookups_warned_at TEXT,
        unlisted_since TEXT,
        PRIMARY KEY (account, region)
    ) WITHOUT ROWID, STRICT""",
    """CREATE TABLE image_rows (
        account TEXT NOT NULL,
        region TEXT NOT NULL,
        image_id TEXT NOT NULL,
        name TEXT,
        status TEXT,
        image_type TEXT,
        owner_id TEXT,
        owner_name TEXT,
        author TEXT,
        container TEXT,
        size_mb INTEGER,
        price_yuan_per_hour REAL,
        visibility INTEGER,
        group_id TEXT,
        version_name TEXT,
        description TEXT,
        tags TEXT,
        softwares TEXT,
        source_gpu_type TEXT,
        failed_reason TEXT,
        created_at TEXT,
        published_at TEXT,
        first_seen_at TEXT NOT NULL,
        shared_at TEXT NOT NULL,
        changed_at TEXT NOT NULL,
        missing_since TEXT,
        missing_syncs INTEGER DEFAULT 0 NOT NULL,
        shown_at TEXT,
        held INTEGER DEFAULT 0 NOT NULL,
        revoked_at TEXT,
        payload TEXT NOT NULL,
        fingerprint BLOB NOT NULL
    ) STRICT""",
    "CREATE INDEX image_rows_lost ON image_rows (account, revoked_at) WHERE revoked_at IS NOT NULL",
    "CREATE UNIQUE INDEX image_rows_key ON image_rows (account, region, image_id)",
    """CREATE INDEX image_rows_live ON image_rows
        (account, region, image_id, fingerprint, missing_since, missing_syncs, held, shown_at, revoked_at)
        WHERE revoked_at IS NULL""",
    """CREATE INDEX image_rows_facts ON image_rows (account, image_id, region, revoked_at)
        WHERE revoked_at IS NULL""",
    "CREATE INDEX image_rows_by_image ON image_rows (image_id)",
    "CREATE INDEX image_rows_newest ON image_rows (shared_at, image_id) WHERE revoked_at IS NULL",
    """CREATE TABLE facts (
        account TEXT NOT NULL,
        image_id TEXT NOT NULL,
        live INTEGER DEFAULT 1 NOT NULL,
        status TEXT,
        digest BLOB NOT NULL,
        baseline_at TEXT,
        PRIMARY KEY (account, image_id)
    ) WITHOUT ROWID, STRICT""",
    "CREATE INDEX facts_gone ON facts (account, image_id) WHERE live = 0",
    """CREATE TABLE events (
        seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL,
        type TEXT NOT NULL,
        account TEXT,
        region TEXT,
        image_id TEXT,
        observed_at TEXT NOT NULL,
        scope TEXT,
        baseline INTEGER DEFAULT 0 NOT NULL,
        run_id INTEGER,
        body TEXT NOT NULL,
        UNIQUE (id)
    ) STRICT""",
    "CREATE INDEX events_by_time ON events (observed_at)",
    "CREATE INDEX events_by_image ON events (image_id, account, region, seq) WHERE image_id IS NOT NULL",
    "CREATE INDEX events_by_type ON events (type, seq)",
    """CREATE TABLE deliveries (
        event_seq INTEGER NOT NULL,
        sink TEXT NOT NULL,
        state TEXT DEFAULT 'pending' NOT NULL,
        attempts INTEGER DEFAULT 0 NOT NULL,
        next_attempt_at TEXT,
        last_error TEXT,
        finished_at TEXT,
        tried_at TEXT,
        strikes INTEGER DEFAULT 0 NOT NULL,
        PRIMARY KEY (event_seq, sink),
        CONSTRAINT deliveries_state CHECK (state IN ('pending', 'delivered', 'dead', 'skipped'))
    ) WITHOUT ROWID, STRICT""",
    "CREATE INDEX deliveries_finished ON deliveries (finished_at) WHERE finished_at IS NOT NULL",
    "CREATE INDEX deliveries_by_sink ON deliveries (sink, state, event_seq)",
    "CREATE INDEX deliveries_pending ON deliveries (sink, event_seq) WHERE state = 'pending'",
    """CREATE TABLE sinks (
        name TEXT NOT NULL,
        state TEXT DEFAULT 'ok' NOT NULL,
        since TEXT NOT NULL,
        next_attempt_at TEXT,
        last_error TEXT,
        failures INTEGER DEFAULT 0 NOT NULL,
        failed_said_at TEXT,
        failed_reason TEXT,
        absent_since TEXT,
        away_since TEXT,
        PRIMARY KEY (name),
        CONSTRAINT sinks_state CHECK (state IN ('ok', 'backing_off', 'disabled'))
    ) WITHOUT ROWID, STRICT""",
    """CREATE TABLE runs (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        account TEXT NOT NULL,
        region TEXT NOT NULL,
        started_at TEXT NOT NULL,
        finished_at TEXT NOT NULL,
        count INTEGER DEFAULT 1 NOT NULL,
        outcome TEXT NOT NULL,
        pages INTEGER DEFAULT 0 NOT NULL,
        listed INTEGER DEFAULT 0 NOT NULL,
        shared INTEGER DEFAULT 0 NOT NULL,
        revoked INTEGER DEFAULT 0 NOT NULL,
        status_changed INTEGER DEFAULT 0 NOT NULL,
        updated INTEGER DEFAULT 0 NOT NULL,
        unreadable INTEGER DEFAULT 0 NOT NULL,
        error TEXT,
        CONSTRAINT runs_outcome CHECK (outcome IN ('complete', 'incomplete', 'held', 'failed'))
    ) STRICT""",
    "CREATE INDEX runs_by_time ON runs (finished_at)",
    "CREATE INDEX runs_by_target ON runs (account, region, id)",
    """CREATE TABLE requests (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        args TEXT NOT NULL,
        created_at TEXT NOT NULL,
        begun_at TEXT,
        finished_at TEXT,
        exit_code INTEGER,
        answer TEXT
    ) STRICT""",
    "CREATE INDEX requests_open ON requests (id) WHERE finished_at IS NULL",
    """CREATE VIEW all_images AS SELECT
        r.account, r.region, r.image_id, r.name, r.status, r.image_type, r.owner_id, r.owner_name,
        r.author, r.container, r.size_mb, r.price_yuan_per_hour, r.visibility, r.group_id,
        r.version_name, r.description, r.tags, r.softwares, r.source_gpu_type, r.failed_reason,
        r.created_at, r.published_at, r.first_seen_at, r.shared_at, r.changed_at, r.missing_since,
        CASE WHEN r.revoked_at IS NULL AND r.missing_since IS NULL THEN t.last_success_at ELSE r.shown_at END
            AS last_seen_at,
        r.payload, r.revoked_at
    FROM image_rows AS r JOIN targets AS t ON t.account = r.account AND t.region = r.region""",
    """CREATE VIEW images AS SELECT
        r.account, r.region, r.image_id, r.name, r.status, r.image_type, r.owner_id, r.owner_name,
        r.author, r.container, r.size_mb, r.price_yuan_per_hour, r.visibility, r.group_id,
        r.version_name, r.description, r.tags, r.softwares, r.source_gpu_type, r.failed_reason,
        r.created_at, r.published_at, r.first_seen_at, r.shared_at, r.changed_at, r.missing_since,
        CASE WHEN r.missing_since IS NULL THEN t.last_success_at ELSE r.shown_at END AS last_seen_at,
        r.payload
    FROM image_rows AS r JOIN targets AS t ON t.account = r.account AND t.region = r.region
    WHERE r.revoked_at IS NULL AND t.active = 1""",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
