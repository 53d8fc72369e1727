"""The regions of the pretend cloud, with their zones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

KNOWN_REGIONS = {
    "cn-wlcb": (3001, "华北二"),
    "cn-sh2": (1000009, "上海二"),
    "cn-bj2": (1000001, "北京二"),
}


def zone_rows(regions: Mapping[str, int]) -> list[dict[str, Any]]:
    """The rows of DescribeCompShareSupportZone, one a zone; ``regions`` maps each to its number of zones."""
    return [
        _zone_row(region, index, number)
        for index, (region, zones) in enumerate(regions.items())
        for number in range(1, zones + 1)
    ]


def zone_names(region: str, count: int) -> list[str]:
    return [_zone_name(region, number) for number in range(1, count + 1)]


def _zone_name(region: str, number: int) -> str:
    return f"{region}-{number:02d}"


def _zone_row(region: str, index: int, number: int) -> dict[str, Any]:
    region_id, describe = KNOWN_REGIONS.get(region, (2_000_000 + index, region))
    return {
        "Region": region,
        "RegionId": region_id,
        "Zone": _zone_name(region, number),
        "ZoneId": 10_000 + index * 10 + number,
        "Describe": f"{describe}{'ABCDEFGH'[(number - 1) % 8]}",
        "IsPod": False,
    }
