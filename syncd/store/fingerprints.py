"""Brings stored fingerprints up to date when the compared fields changed: an upgrade of syncd is not news."""

from __future__ import annotations

import sqlite3

from syncd.model import DIGEST_SIZE, fingerprint
from syncd.store import image_columns
from syncd.store.facts import NEW_DIGEST

ROWS_PER_QUERY = 500


def recompute(connection: sqlite3.Connection) -> int:
    """Give every image row the fingerprint that `model.fingerprint` makes of its columns; how many changed.

    What an account was told (`facts`) follows its row, so that the two still agree, or still differ, as they did
    before. Otherwise the first sync after the upgrade would report every image as updated. The caller has a transaction
    open.
    """
    changed, last = 0, 0
    while rows := connection.execute(_ROWS, (last, ROWS_PER_QUERY)).fetchall():
        for rowid, account, before, *values in rows:
            image = image_columns.to_image(values)
            after = fingerprint(image)
            if after != before:
                connection.execute("UPDATE image_rows SET fingerprint = ? WHERE rowid = ?", (after, rowid))
                digests = (after[:DIGEST_SIZE], account, image.image_id, before[:DIGEST_SIZE])
                connection.execute(NEW_DIGEST, digests)
                changed += 1
        last = rows[-1][0]
    return changed


_ROWS = (
    f"SELECT rowid, account, fingerprint, {', '.join(image_columns.NAMES)} FROM image_rows"
    " WHERE rowid > ? ORDER BY rowid LIMIT ?"
)
