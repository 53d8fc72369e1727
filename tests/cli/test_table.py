"""Tables on screens of every width."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from syncd.cli import table
from syncd.cli.table import GAP, fit


@dataclass(frozen=True)
class Column:
    title: str
    align_right: bool = False
    shrink_to: int = 0
    drop_order: int = 0


ID, NAME, SIZE = Column("id"), Column("name", shrink_to=10), Column("size", align_right=True, drop_order=1)
ROWS = [
    [("compshareImage-1a2b3c", ""), ("数字人 MuseTalk 一键启动", "green"), ("117.0 GB", "")],
    [("compshareImage-4d5e6f", ""), ("vLLM serving", ""), ("9.5 GB", "")],
]


def shown(monkeypatch: pytest.MonkeyPatch, screen: int | None) -> list[str]:
    monkeypatch.setattr(table, "_screen_width", lambda: screen)
    return list(table.table_lines([ID, NAME, SIZE], ROWS))


def test_columns_align_whatever_the_characters_are_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(monkeypatch, None)
    assert len({cell_len(line.replace("\x1b[32m", "").replace("\x1b[0m", "")) for line in lines[1:]}) == 1
    assert lines[0].endswith("size\x1b[0m")
    assert lines[2].endswith("    9.5 GB")


def test_a_narrow_screen_shortens_names_then_leaves_out_what_can_be_spared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "数字人 MuseTalk…" in shown(monkeypatch, 50)[1]
    narrow = "\n".join(shown(monkeypatch, 36))
    assert "117.0 GB" not in narrow
    assert all(row[0][0] in narrow for row in ROWS)


def test_where_columns_have_no_room_each_value_has_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(monkeypatch, 25)
    assert lines[0] == "\x1b[1mid\x1b[0m    compshareImage-1a2b3c"
    assert lines[2] == "\x1b[1msize\x1b[0m  117.0 GB"
    assert lines[3] == ""


@given(
    st.lists(st.tuples(st.integers(0, 200), st.booleans(), st.integers(0, 3)), min_size=1, max_size=8),
    st.integers(1, 250),
)
def test_what_is_fitted_fits_and_loses_nothing_that_must_be_whole(
    given: list[tuple[int, bool, int]], screen: int
) -> None:
    columns = [
        Column("t", shrink_to=10 * shrink_to, drop_order=drop_order) for _, shrink_to, drop_order in given
    ]
    natural = [max(1, width) for width, _, _ in given]
    widths = fit(columns, natural, screen)
    if widths is None:
        firm = [
            natural[i] for i, column in enumerate(columns) if not column.shrink_to and not column.drop_order
        ]
        soft = [
            min(natural[i], 10)
            for i, column in enumerate(columns)
            if column.shrink_to and not column.drop_order
        ]
        assert sum(firm) + sum(soft) + len(GAP) * max(0, len(firm) + len(soft) - 1) > screen
        return
    kept = [number for number, width in enumerate(widths) if width]
    assert sum(widths) + len(GAP) * (len(kept) - 1) <= screen or not kept
    for number, column in enumerate(columns):
        assert widths[number] <= natural[number]
        assert column.drop_order or widths[number]
        assert column.shrink_to or widths[number] in (0, natural[number])


def test_the_widest_gives_way_first() -> None:
    assert fit([NAME, NAME], [30, 50], 62) == [30, 30]
    assert fit([NAME, NAME], [30, 50], 52) == [25, 25]


def test_one_long_name_does_not_move_all_columns_away_where_there_is_no_screen() -> None:
    assert fit([ID, NAME], [20, 4096], None) == [20, table.WIDEST]
