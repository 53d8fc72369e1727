"""What an account was told last about each image, from its account-scope events: they never say the same twice."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from syncd.model import COMPARED

if TYPE_CHECKING:
    from tests.sync.ledger import Event

About = tuple[str, str]
"""(account, image id)."""
Last = tuple[Any, dict[str, Any]] | str | None
"""The status and the other compared fields that were told last; `LIVE`; None: that the image is gone."""

LIVE: Final = "live"
"""Known again without a word: what of it, only its next event says."""


class Told:
    """Hears events in their order, and fails at one that says what was said last."""

    def __init__(self) -> None:
        self.last: dict[About, Last] = {}
        self.untold: set[About] = set()
        """Known from a baseline only."""
        self.forgotten: set[About] = set()
        """Left the watch without a word; a loss may still be told."""

    def hear(self, events: Iterable[Event]) -> None:
        for event in events:
            if event.scope == "account":
                assert event.image_id is not None
                self._hear(event, (event.account, event.image_id))

    def overhear(self, events: Iterable[Event]) -> None:
        """Of a commit that also changes silently what is known: the last word counts, nothing is judged."""
        for event in events:
            if event.scope == "account":
                assert event.image_id is not None
                key = (event.account, event.image_id)
                self.last[key] = None if event.type == "image.revoked" else LIVE
                self._note_untold(event, key)

    def correct(self, account: str, listed: Iterable[str], *, heard: bool) -> None:
        """What an account's regions list changed silently, because regions or the scope left or returned.

        ``heard``: what returned is known as if it had been told.
        """
        present = {(account, image_id) for image_id in listed}
        live = {key for key, last in self.last.items() if key[0] == account and last is not None}
        for key in live - present:
            del self.last[key]
            self.forgotten.add(key)
        for key in present - self.last.keys():
            self.last[key] = LIVE
            self.forgotten.discard(key)
            if not heard:
                self.untold.add(key)

    def live(self, account: str) -> set[str]:
        return {key[1] for key, last in self.last.items() if key[0] == account and last is not None}

    def knows_gone(self, event: Event) -> bool:
        return self.last.get((event.account, event.image_id or ""), LIVE) is None

    def _hear(self, event: Event, key: About) -> None:
        now = self.last.get(key)
        known = now if isinstance(now, tuple) else None
        image = event.data["image"]
        status = image["status"]
        rest = {name: image[name] for name in COMPARED if name != "status"}
        match event.type:
            case "image.shared":
                assert now is None or key in self.untold, f"{event.image_id} was shared twice: {event}"
                self.last[key] = (status, rest)
            case "image.revoked":
                assert now is not None or key in self.forgotten, (
                    f"{event.image_id} was revoked twice: {event}"
                )
                self.last[key] = None
            case "image.status_changed":
                assert now is not None
                assert known is None or known[0] != status, (
                    f"{event.image_id} changed its status twice: {event}"
                )
                self.last[key] = (status, known[1]) if known else LIVE
            case "image.updated":
                assert now is not None
                assert known is None or known[1] != rest, f"{event.image_id} was updated twice: {event}"
                self.last[key] = (known[0], rest) if known else LIVE
        if event.type in ("image.shared", "image.revoked"):
            self.forgotten.discard(key)
        self._note_untold(event, key)

    def _note_untold(self, event: Event, key: About) -> None:
        """A change tells nobody that the image was shared."""
        if event.type in ("image.shared", "image.revoked"):
            (self.untold.add if event.baseline else self.untold.discard)(key)
