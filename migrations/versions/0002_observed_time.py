"""Waiting in observed time, empty first lists, and what an account was told that the regions no longer show."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"

STATEMENTS = (
    "ALTER TABLE targets ADD COLUMN disagreement_warned_at TEXT",
    "ALTER TABLE targets ADD COLUMN empty_since TEXT",
    "ALTER TABLE targets ADD COLUMN empty_syncs INTEGER DEFAULT 0 NOT NULL",
    "ALTER TABLE targets ADD COLUMN empty_seconds REAL DEFAULT 0 NOT NULL",
    "ALTER TABLE image_rows ADD COLUMN missing_seconds REAL DEFAULT 0 NOT NULL",
    "DROP INDEX image_rows_live",
    """CREATE INDEX image_rows_live ON image_rows
        (account, region, image_id, fingerprint, missing_since, missing_syncs, held, shown_at, missing_seconds,
        revoked_at)
        WHERE revoked_at IS NULL""",
    "ALTER TABLE facts ADD COLUMN lost_region TEXT",
    "ALTER TABLE facts ADD COLUMN doubted_at TEXT",
    "ALTER TABLE facts ADD COLUMN found_at TEXT",
    "CREATE INDEX facts_doubted ON facts (account, image_id) WHERE doubted_at IS NOT NULL",
    # Until now an image that one region lost while another had it was found by comparing rows; from now on it is
    # marked. Those that were lost so far are compared once more with the lists of the regions that have them.
    """UPDATE facts SET doubted_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), lost_region = (
            SELECT lost.region FROM image_rows lost
            JOIN targets t ON t.account = lost.account AND t.region = lost.region AND t.active = 1
            WHERE lost.account = facts.account AND lost.image_id = facts.image_id AND lost.revoked_at IS NOT NULL
            ORDER BY lost.revoked_at DESC LIMIT 1)
        WHERE live = 1
            AND EXISTS (
                SELECT 1 FROM image_rows lost
                JOIN targets t ON t.account = lost.account AND t.region = lost.region AND t.active = 1
                WHERE lost.account = facts.account AND lost.image_id = facts.image_id AND lost.revoked_at IS NOT NULL)
            AND EXISTS (
                SELECT 1 FROM image_rows r
                WHERE r.account = facts.account AND r.image_id = facts.image_id AND r.revoked_at IS NULL)""",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
