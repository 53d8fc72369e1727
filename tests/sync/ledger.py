"""What the database says, read with plain SQL, and what must always be true of it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import msgspec

from syncd.compshare.image_row import read_row
from syncd.model import COMPARED, Target, from_text
from syncd.simulator import World
from tests.sync.told import About, Last, Told

SCHEMA = Path(__file__).parents[2] / "syncd" / "event.schema.json"
Key = tuple[str, str, str]
"""(account, region, image id)."""


@dataclass(frozen=True, slots=True)
class Event:
    seq: int
    id: str
    type: str
    account: str
    region: str | None
    image_id: str | None
    time: datetime
    scope: str | None
    baseline: bool
    run_id: int | None
    body: dict[str, Any]

    @property
    def data(self) -> dict[str, Any]:
        return self.body["data"]  # type: ignore[no-any-return]


class RequestLog:
    def __init__(self, path: Path, world: World) -> None:
        self.path = path
        self.world = world
        self._read_to = 0
        self._checked_to = 0
        self._held: sqlite3.Connection | None = None

    def hold_open(self) -> None:
        """Read through one connection from now on: to open one for each question takes a millisecond."""
        self._held = self._open()

    def let_go(self) -> None:
        """Before the file is closed for the last time, or replaced."""
        if self._held is not None:
            self._held.close()
            self._held = None

    def rows(self, sql: str, *params: Any) -> list[tuple[Any, ...]]:
        with self._reading() as db:
            return db.execute(sql, params).fetchall()

    def value(self, sql: str, *params: Any) -> Any:
        return self.rows(sql, *params)[0][0]

    def events(self, after: int = 0) -> list[Event]:
        rows = self.rows(
            "SELECT seq, id, type, account, region, image_id, observed_at, scope, baseline, run_id, body FROM events"
            " WHERE seq > ? ORDER BY seq",
            after,
        )
        return [
            Event(*row[:6], from_text(row[6]), row[7], bool(row[8]), row[9], json.loads(row[10]))
            for row in rows
        ]

    def news(self) -> list[Event]:
        """The events since the last call, baselines left out."""
        found = self.events(self._read_to)
        self._read_to = found[-1].seq if found else self._read_to
        return [event for event in found if not event.baseline]

    def live(self) -> dict[Key, dict[str, Any]]:
        """Live rows, as the JSON of their compared fields."""
        with self._reading() as db:
            cursor = db.cursor()
            cursor.row_factory = sqlite3.Row
            found = cursor.execute("SELECT * FROM all_images WHERE revoked_at IS NULL").fetchall()
        return {(row["account"], row["region"], row["image_id"]): _compared(row) for row in found}

    def ids(self, region: str = "cn-a", account: str = "lab") -> set[str]:
        return {key[2] for key in self.live() if key[:2] == (account, region)}

    def active(self, account: str) -> list[Target]:
        found = self.rows("SELECT account, region FROM targets WHERE active = 1 AND account = ?", account)
        return [Target(*row) for row in found]

    def target(self, column: str, region: str = "cn-a", account: str = "lab") -> Any:
        return self.value(f"SELECT {column} FROM targets WHERE account = ? AND region = ?", account, region)

    # what must always be true

    def check(
        self,
        *,
        settled: bool = True,
        told_once: bool = True,
        honest: bool = True,
        globally: bool = False,
        whole: bool = True,
        dated: bool = True,
    ) -> None:
        """``settled``: every target has listed the present world; ``told_once``: nothing was retired;
        ``honest``: no fault lied for longer than the guard waits; ``whole``: nothing was pruned;
        ``dated``: the clock was not set back."""
        events = self.events()
        live = self.live()
        assert fold(events) == live
        assert not whole or [event.seq for event in events] == list(range(1, len(events) + 1))
        for event in events[self._checked_to :]:
            check_envelope(event) if dated else schema().validate(event.body)
        self._checked_to = len(events)
        for account, region, count, held in self.rows(
            "SELECT account, region, live_count, held_count FROM targets"
        ):
            assert count == sum(key[:2] == (account, region) for key in live)
            assert held == self.value(
                "SELECT COUNT(*) FROM image_rows WHERE account = ? AND region = ? AND held = 1",
                account,
                region,
            )
        told = Told()
        if told_once:
            told.hear(events)
        if honest:
            self.check_revocations(events)
        if settled:
            assert live == self.truth()
            self.check_facts(live)
            if told_once:
                self.check_told(told.last, live, globally)

    def truth(self) -> dict[Key, dict[str, Any]]:
        """What the world shows the active targets, as `live` has it; a retired one keeps what it knew."""
        rows: dict[Key, dict[str, Any]] = {}
        for account, region, active in self.rows("SELECT account, region, active FROM targets"):
            if active:
                for image_id, fields in self.world.images(account, region).items():
                    rows[account, region, image_id] = as_stored(fields)
            else:
                rows |= {key: row for key, row in self.live().items() if key[:2] == (account, region)}
        return rows

    def check_revocations(self, events: list[Event]) -> None:
        """No image was called revoked that was there all the while in which it was said to be missing."""
        for event in events:
            if event.type == "image.revoked" and "reason" not in event.data:
                since = from_text(event.data["missing_since"]).timestamp()
                history = self.world.history(event.account, event.region or "")
                assert history.ever_absent(event.image_id or "", since, event.time.timestamp())

    def check_facts(self, live: Mapping[Key, Any]) -> None:
        """An image is known as live exactly if an active target lists it."""
        active = set(self.rows("SELECT account, region FROM targets WHERE active = 1"))
        listed = {(key[0], key[2]) for key in live if key[:2] in active}
        assert set(self.rows("SELECT account, image_id FROM facts WHERE live = 1")) == listed

    def check_told(self, told: Mapping[About, Last], live: Mapping[Key, Any], globally: bool = False) -> None:
        """What the account was told last is what its regions list now; every field of it if all changes were global."""
        listed: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for (account, _, image_id), row in live.items():
            listed.setdefault((account, image_id), []).append(row)
        assert {key for key, last in told.items() if last is not None} == listed.keys()
        if globally:
            for key, rows in listed.items():
                assert told[key] == (rows[0]["status"], {k: v for k, v in rows[0].items() if k != "status"})

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        if self._held is not None:
            yield self._held
        else:
            with closing(self._open()) as db:
                yield db

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)


def check_envelope(event: Event) -> None:
    body, data = event.body, event.data
    assert (body["type"], body["id"], body["sequence"]) == (event.type, event.id, f"{event.seq:020d}")
    assert body["time"] == body["timestamp"]
    assert from_text(body["time"]) == event.time
    assert body.get("subject") == event.image_id
    assert (data.get("account"), data.get("region"), data.get("baseline", False)) == (
        event.account,
        event.region,
        event.baseline,
    )
    if event.image_id is not None:
        assert (data["scope"], data["image"]["image_id"]) == (event.scope, event.image_id)
        after = data["observed_after"]
        assert after is None or from_text(after) <= event.time
    schema().validate(body)


def fold(
    events: list[Event], before: Mapping[Key, dict[str, Any]] | None = None
) -> dict[Key, dict[str, Any]]:
    """The rows that the history gives, from nothing or from what an earlier part of it gave."""
    rows: dict[Key, dict[str, Any]] = dict(before or {})
    for event in events:
        if event.image_id is None or event.region is None:
            continue
        key = (event.account, event.region, event.image_id)
        if event.type == "image.revoked":
            rows.pop(key, None)
        else:
            rows[key] = {name: event.data["image"][name] for name in COMPARED}
    return rows


def _compared(row: sqlite3.Row) -> dict[str, Any]:
    fields: dict[str, Any] = {name: row[name] for name in COMPARED}
    fields["tags"] = json.loads(row["tags"]) if row["tags"] else []
    fields["softwares"] = json.loads(row["softwares"]) if row["softwares"] else None
    return fields


def as_stored(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A row on the wire as the JSON of its compared fields."""
    _, seen = read_row(msgspec.Raw(msgspec.json.encode(fields)))
    assert seen is not None
    known = json.loads(msgspec.json.encode(seen.image))
    return {name: known[name] for name in COMPARED}


@cache
def schema() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
