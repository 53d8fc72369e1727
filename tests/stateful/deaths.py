"""Deaths: a process ends at one of its commits, or the power goes at one of its syncs; another opens what is left."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from syncd.store.engine import Database
from tests.faults.power import Delete, Disk, Lost, Op, Recorder, Sync, Write
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


class Kill:
    """At the ``commits``-th commit, before it or ``late``, after it."""

    def __init__(self, path: Path, commits: int, *, late: bool) -> None:
        self.remains: Remains | None = None
        self._path = path
        self._left = commits
        self._late = late

    @property
    def is_dead(self) -> bool:
        return self.remains is not None

    def before_commit(self) -> None:
        if self.is_dead:
            raise Killed
        self._left -= 1
        if not self._late:
            self._end()

    def after_commit(self) -> None:
        if self._late:
            self._end()

    def _end(self) -> None:
        if self._left == 0:
            self.remains = Remains.written(self._path)
            raise Killed


class Power:
    """What is on the disk of what was written; `recorder` sees it while it is entered."""

    def __init__(self) -> None:
        self.recorder = Recorder(self._note)
        self.is_off = False
        self._disk = Disk()
        self._syncs_left = 0
        self._cut: Callable[[], object] | None = None

    def cut_at(self, syncs: int, folder: Path, loss: Lost) -> None:
        """Let the power go just before so many more syncs of a file are done; see `cut_now`."""
        self._syncs_left, self._cut = syncs, lambda: self._disk.lay_out(folder, loss)

    def cut_now(self) -> None:
        """Unless it is off already."""
        if self._cut is not None:
            self._cut()
            self._cut, self.is_off = None, True

    def before_commit(self) -> None:
        if self.is_off:
            raise Killed

    def back_on(self, path: Path) -> None:
        """With the files as they are now."""
        self.is_off = False
        for file in (_part(path, part) for part in PARTS):
            self._disk.apply(Delete(str(file), folder=True))
            if file.exists():
                self._disk.apply(Write(str(file), 0, file.read_bytes()))
                self._disk.apply(Sync(str(file), folder=True))

    def _note(self, op: Op) -> None:
        if isinstance(op, Sync) and self._cut is not None:
            self._syncs_left -= 1
            if self._syncs_left <= 0:
                self.cut_now()
        self._disk.apply(op)


@contextmanager
def watching(db: Database, before: Callable[[], object], after: Callable[[], object]) -> Iterator[None]:
    """Call ``before`` and ``after`` at each commit; either may end it with `Killed`."""
    commit = db._commit

    async def watched(*args: Any) -> None:
        before()
        await commit(*args)
        after()

    setattr(db, "_commit", watched)  # noqa: B010  # in the place of a method
    try:
        yield
    finally:
        setattr(db, "_commit", commit)  # noqa: B010


async def rise(rig: Rig, remains: Remains | None = None) -> None:
    """A new process on what remains; None: the last one ended by itself, in the middle of nothing."""
    await rig.close()
    rig.let_go()
    await rig.db.close()
    if remains is not None:
        remains.put_back()
    rig.db = await Database.open(rig.path)
    rig.hold_open()
    await rig.restart()


def _part(path: Path, part: str) -> Path:
    return path.with_name(path.name + part)
