"""What happened in one world, a line a deed: shown when something is found wrong."""

from __future__ import annotations

from syncd.sync.report import SyncReport
from tests.stateful.clock import Clock
from tests.sync.ledger import Event


class Story:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lines: list[str] = []

    def tell(self, line: str) -> None:
        """Dated by the time that passed, and by how far the wall's clock is off."""
        wrong = f", wall {self._clock.wrong.total_seconds() / 3600:+.1f} h" if self._clock.wrong else ""
        self._lines.append(f"{self._clock.passed}{wrong}: {line}")

    def tell_sync(self, report: SyncReport) -> None:
        error = f" ({report.error})" if report.error else ""
        self.tell(
            f"{report.target} is synced: {report.outcome}, {report.listed} listed, {report.live} live,"
            f" {report.missing} missing, {report.held} held{error}"
        )

    def tell_event(self, event: Event) -> None:
        said = {name: event.data[name] for name in ("unverified_regions", "regions") if name in event.data}
        about = f"{event.account}/{event.region or '*'} {short(event.image_id or '')}"
        what = f"{event.scope or ''} {'baseline' if event.baseline else ''}"
        self.tell(f"    {event.seq} {event.type} {about} {what} {said or ''}".rstrip())

    def last(self, lines: int) -> str:
        return "\n".join(self._lines[-lines:])


def short(image_id: str) -> str:
    return image_id[-5:]
