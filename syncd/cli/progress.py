"""On a terminal, one line that says what is going on and for how long; it disappears when the work is done."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from syncd.cli.language import translate

SHOWN_AFTER = 1.0
"""Seconds of work before the line appears: what is quick needs none."""

REDRAWN_EVERY = 0.5
"""Seconds."""

_ERASE = "\r\x1b[K"


class Progress:
    """A context manager; ``text`` is asked again whenever the line is drawn. Without a terminal nothing is."""

    def __init__(self, text: Callable[[], str]) -> None:
        self._text = text
        self._started = time.monotonic()
        self._done = threading.Event()
        self._shown = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._draw, name="progress", daemon=True)

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self.make_room()

    def make_room(self) -> None:
        """Erase the line, so that another can be printed; it is drawn again soon."""
        with self._lock:
            if self._shown:
                sys.stderr.write(_ERASE)
                sys.stderr.flush()
                self._shown = False

    def _draw(self) -> None:
        wait = SHOWN_AFTER
        while not self._done.wait(wait):
            wait = REDRAWN_EVERY
            with self._lock:
                if self._done.is_set():
                    return
                seconds = time.monotonic() - self._started
                sys.stderr.write(f"{_ERASE}{translate(self._text())} … {seconds:.0f} s")
                sys.stderr.flush()
                self._shown = True
