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
    """A copy of the database as it lay on the disk at one moment, a transaction begun in it or not."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._folder = Path(tempfile.mkdtemp(prefix="remains-", dir=path.parent))
        for part in PARTS:
            if (found := _part(path, part)).exists():
                shutil.copyfile(found, _part(self._copy, part))

    @property
    def _copy(self) -> Path:
        return self._folder / self._path.name

    def put_back(self) -> None:
        """Over a file that nobody has open any more."""
        for part in (*PARTS, "-shm"):
            _part(self._path, part).unlink(missing_ok=True)
        for part in PARTS:
            if (found := _part(self._copy, part)).exists():
                found.rename(_part(self._path, part))
        shutil.rmtree(self._folder)


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
            remains.append(Remains(db.path))
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
