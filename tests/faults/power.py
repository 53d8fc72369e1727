"""Power cuts: what SQLite had on the disk at any moment, as opposed to what it had written.

`Recorder` stands between SQLite and the machine, in this process: it notes each write, truncation, deletion and sync of
every database file, in order, and what a test marks in between (`mark`: an event that left the machine). `Disk` plays
that back to any moment; `Disk.lay_out` makes the files as a power cut at that moment may leave them: what was synced is
there, of the rest some whole, some torn, some not at all, and a file that was deleted may be back.

    with Recorder() as recorder:
        ...                                  # open, write, deliver, mark
    for disk, said in moments(recorder.ops): # before each sync takes effect
        disk.lay_out(folder, Torn(rng))      # …and open what is in the folder

A model that wants a cut while it runs gives ``Recorder(note=disk.apply)``, and may lay out ``disk`` at any time, also
from ``note`` itself, which is called before a `Sync` is done. Names of files are whole paths. That a file was made
counts as kept: SQLite syncs the folder of a journal or -wal with its first sync, `syncd.store.files` that of the file.
"""

from __future__ import annotations

import ctypes
import random
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

SECTOR = 512
"""Bytes that a disk writes whole or not at all."""


class Write(NamedTuple):
    file: str
    offset: int
    data: bytes


class Truncate(NamedTuple):
    file: str
    size: int


class Sync(NamedTuple):
    file: str
    folder: bool
    """Whether the names in its folder are on the disk with it."""


class Delete(NamedTuple):
    file: str
    folder: bool
    """Whether that is on the disk at once; else with the folder's next sync."""


class Mark(NamedTuple):
    """Something outside of the disk, in its place in the order."""

    what: Any


Change = Write | Truncate
Op = Write | Truncate | Sync | Delete | Mark


# what a disk makes of it


class Lost:
    """Nothing that was not synced came to the disk."""

    def left_of(self, change: Change) -> list[Change]:
        """What comes to the disk of a change that was not synced."""
        return []

    def comes_back(self) -> bool:
        """Whether a deletion did not come to the disk."""
        return True


class Kept(Lost):
    """Everything did, as after a kill."""

    def left_of(self, change: Change) -> list[Change]:
        return [change]

    def comes_back(self) -> bool:
        return False


class Torn(Lost):
    """Each change was kept, lost, or kept in some of its sectors."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def left_of(self, change: Change) -> list[Change]:
        fate = self._rng.choice(("kept", "kept", "lost", "torn"))
        if fate == "torn" and isinstance(change, Write):
            starts = range(0, len(change.data), SECTOR)
            pieces = [(change.offset + start, change.data[start : start + SECTOR]) for start in starts]
            return [Write(change.file, *piece) for piece in pieces if self._rng.random() < 0.5]
        return [change] if fate == "kept" else []

    def comes_back(self) -> bool:
        return self._rng.random() < 0.5


class Disk:
    """For each file what is surely on the disk, and what was done to it since its last sync."""

    def __init__(self) -> None:
        self._synced: dict[str, bytearray] = {}
        self._since: dict[str, list[Change]] = {}
        self._deleted: dict[str, bytearray] = {}

    def apply(self, op: Op) -> None:
        match op:
            case Write() | Truncate():
                self._since.setdefault(op.file, []).append(op)
            case Sync(file, folder):
                if folder:
                    self._deleted.clear()
                content = self._synced.setdefault(file, bytearray())
                for change in self._since.pop(file, []):
                    _change(content, change)
            case Delete(file, folder):
                self._since.pop(file, None)
                if (content := self._synced.pop(file, None)) and not folder:
                    self._deleted[file] = content

    def lay_out(self, folder: Path, loss: Lost) -> None:
        """Write every file as it is after a power cut now, by its own name, into ``folder``."""
        back = {file: content for file, content in self._deleted.items() if loss.comes_back()}
        for file in self._synced.keys() | self._since.keys() | back.keys():
            content = bytearray(self._synced.get(file, b"") or back.get(file, b""))
            for change in self._since.get(file, []):
                for left in loss.left_of(change):
                    _change(content, left)
            (folder / Path(file).name).write_bytes(content)


def _change(content: bytearray, change: Change) -> None:
    end = change.size if isinstance(change, Truncate) else change.offset + len(change.data)
    content.extend(bytes(max(0, end - len(content))))
    if isinstance(change, Truncate):
        del content[change.size :]
    else:
        content[change.offset : end] = change.data


def moments(ops: Iterable[Op]) -> Iterator[tuple[Disk, list[Any]]]:
    """The disk just before each sync and at the end, and what was marked since the last of these moments."""
    disk, said = Disk(), []
    for op in ops:
        if isinstance(op, Mark):
            said.append(op.what)
        elif isinstance(op, Sync):
            yield disk, said
            said = []
        disk.apply(op)
    yield disk, said


# between SQLite and the machine

_OPEN_CREATE = 0x4
_OPEN_COMPANION = 0x800 | 0x4000 | 0x80000
"""SQLITE_OPEN_MAIN_JOURNAL, SUPER_JOURNAL and WAL."""

_Int, _Int64, _Pointer = ctypes.c_int, ctypes.c_int64, ctypes.c_void_p


def _method(*arguments: Any) -> Any:
    return ctypes.CFUNCTYPE(_Int, *arguments)


_WRITE = _method(_Pointer, _Pointer, _Int, _Int64)
_TRUNCATE = _method(_Pointer, _Int64)
_SYNC = _method(_Pointer, _Int)
_OPEN = _method(_Pointer, _Pointer, _Pointer, _Int, _Pointer)
_DELETE = _method(_Pointer, _Pointer, _Int)


class _Methods(ctypes.Structure):
    """sqlite3_io_methods, version 3: those that are not watched are copied as they are."""

    _fields_ = [
        ("version", _Int),
        ("close", _Pointer),
        ("read", _Pointer),
        ("write", _WRITE),
        ("truncate", _TRUNCATE),
        ("sync", _SYNC),
        *((f"other{number}", _Pointer) for number in range(13)),
    ]


class _File(ctypes.Structure):
    _fields_ = [("methods", ctypes.POINTER(_Methods))]


class _System(ctypes.Structure):
    """sqlite3_vfs, version 3."""

    _fields_ = [
        ("version", _Int),
        ("file_size", _Int),
        ("longest_path", _Int),
        ("next", _Pointer),
        ("name", ctypes.c_char_p),
        ("data", _Pointer),
        ("open", _OPEN),
        ("delete", _DELETE),
        *((f"other{number}", _Pointer) for number in range(14)),
    ]


def library() -> ctypes.CDLL | None:
    """The SQLite of this Python's `sqlite3`; None where it is built in, out of reach."""
    with closing(sqlite3.connect(":memory:")):
        maps = Path("/proc/self/maps").read_text().splitlines() if Path("/proc/self/maps").exists() else []
    path = next((line.split()[-1] for line in maps if "libsqlite3" in line), None)
    return ctypes.CDLL(path) if path else None


class Recorder:
    """A context manager: SQLite files that are opened meanwhile, and closed before its end, are watched.

    ``note`` is called with each operation before it is done, in SQLite's own thread; else they are kept in ``ops``.
    """

    def __init__(self, note: Callable[[Op], object] | None = None) -> None:
        self.ops: list[Op] = []
        self._note = note or self.ops.append
        self._names: dict[int, str] = {}
        self._new: set[int] = set()
        """Files whose folder SQLite syncs with their first sync."""
        self._methods: dict[int, _Methods] = {}
        sqlite = library()
        assert sqlite is not None, "ask `library` first"
        self._sqlite = sqlite
        self._sqlite.sqlite3_vfs_find.restype = ctypes.POINTER(_System)
        self._sqlite.sqlite3_vfs_find.argtypes = [ctypes.c_char_p]
        self._real = self._sqlite.sqlite3_vfs_find(None).contents
        self._own = _System.from_buffer_copy(self._real)
        self._own.name = b"recorded"
        self._own.open = _OPEN(self._open)
        self._own.delete = _DELETE(self._delete)

    def __enter__(self) -> Recorder:
        assert self._sqlite.sqlite3_vfs_register(ctypes.byref(self._own), 1) == 0
        return self

    def __exit__(self, *_: object) -> None:
        self._sqlite.sqlite3_vfs_register(ctypes.byref(self._real), 1)
        self._sqlite.sqlite3_vfs_unregister(ctypes.byref(self._own))

    def mark(self, what: Any) -> None:
        self._note(Mark(what))

    def _open(self, system: int, name: int, file: int, flags: int, given: int) -> int:
        result = int(self._real.open(system, name, file, flags, given))
        if result == 0 and name:
            self._names[file] = _text(name)
            self._new.discard(file)
            if flags & _OPEN_CREATE and flags & _OPEN_COMPANION:
                self._new.add(file)
            opened = _File.from_address(file)
            opened.methods = ctypes.pointer(self._watched(opened.methods))
        return result

    def _delete(self, system: int, name: int, sync_folder: int) -> int:
        self._note(Delete(_text(name), bool(sync_folder)))
        return int(self._real.delete(system, name, sync_folder))

    def _watched(self, real: Any) -> _Methods:
        """One table for each of SQLite's own; they stay for as long as the recorder."""
        address = ctypes.addressof(real.contents)
        if address not in self._methods:
            self._methods[address] = self._watch(real.contents)
        return self._methods[address]

    def _watch(self, real: _Methods) -> _Methods:
        def write(file: int, data: int, size: int, offset: int) -> int:
            self._note(Write(self._names[file], offset, ctypes.string_at(data, size)))
            return int(real.write(file, data, size, offset))

        def truncate(file: int, size: int) -> int:
            self._note(Truncate(self._names[file], size))
            return int(real.truncate(file, size))

        def sync(file: int, flags: int) -> int:
            self._note(Sync(self._names[file], file in self._new))
            self._new.discard(file)
            return int(real.sync(file, flags))

        own = _Methods.from_buffer_copy(real)
        own.write, own.truncate, own.sync = _WRITE(write), _TRUNCATE(truncate), _SYNC(sync)
        return own


def _text(address: int) -> str:
    return ctypes.string_at(address).decode()
