"""Two alerts of a sink apart, what tells that its configuration changed, and what was seen of the clock."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"

STATEMENTS = (
    "ALTER TABLE sinks ADD COLUMN dead_said_at TEXT",
    "ALTER TABLE sinks ADD COLUMN tried_at TEXT",
    "ALTER TABLE sinks ADD COLUMN settings_digest TEXT",
    """UPDATE sinks SET dead_said_at = failed_said_at, failed_said_at = NULL, failed_reason = NULL
    WHERE failed_reason = 'dead'""",
    """CREATE TABLE clock (
        id INTEGER NOT NULL PRIMARY KEY,
        seen_at TEXT NOT NULL,
        steady_since TEXT NOT NULL,
        pruned_at TEXT,
        CONSTRAINT clock_one_row CHECK (id = 1)
    ) STRICT""",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
