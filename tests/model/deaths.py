"""Deaths: a process ends at one of its commits, just before or just after it, and another opens what is left."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from syncd.store.engine import Database
from tests.sync.rig import Rig

PARTS = ("", "-wal")
"""What SQLite finds of a file whose process was killed."""


class Killed(BaseException):
    """The process ends here."""


class Remains:
    """The database as it lay on the disk at one moment, a transaction begun in it or not.

    `written` is what a killed process leaves; after a power cut ``folder`` gets what was synced.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.folder = Path(tempfile.mkdtemp(prefix="remains-", dir=path.parent))

    @classmethod
    def written(cls, path: Path) -> Remains:
        remains = cls(path)
        for part in PARTS:
            if (found := _part(path, part)).exists():
                shutil.copyfile(found, remains.folder / found.name)
        return remains

    def put_back(self) -> None:
        """Over a file that nobody has open any more."""
        for part in (*PARTS, "-shm"):
            _part(self._path, part).unlink(missing_ok=True)
        for part in PARTS:
            if (found := _part(self.folder / self._path.name, part)).exists():
                found.rename(_part(self._path, part))
        shutil.rmtree(self.folder)


@contextmanager
def dying(db: Database, commits: int, *, after: bool) -> Iterator[list[Remains]]:
    """Die at the ``commits``-th commit, before it or ``after`` it: in the list is then what remains."""
    remains: list[Remains] = []
    commit = db._commit
    left = commits

    async def last(*args: Any) -> None:
        nonlocal left
        left -= 1
        if left > 0:
            return await commit(*args)
        if left == 0:
            if after:
                await commit(*args)
            remains.append(Remains.written(db.path))
        raise Killed

    setattr(db, "_commit", last)  # noqa: B010  # in the place of a method
    try:
        yield remains
    finally:
        setattr(db, "_commit", commit)  # noqa: B010


async def rise(rig: Rig, remains: Remains | None = None) -> None:
    """A new process on what remains; None: the last one ended by itself, in the middle of nothing."""
    await rig.close()
    await rig.db.close()
    if remains is not None:
        remains.put_back()
    rig.db = await Database.open(rig.path)
    await rig.restart()


def _part(path: Path, part: str) -> Path:
    return path.with_name(path.name + part)
