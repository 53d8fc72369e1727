"""When a failing target is tried again, and an index of the deliveries that their receiver refused."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"

STATEMENTS = (
    "ALTER TABLE targets ADD COLUMN next_attempt_at TEXT",
    """CREATE INDEX deliveries_refused ON deliveries (sink, event_seq)
    WHERE state = 'pending' AND attempts > 0""",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
