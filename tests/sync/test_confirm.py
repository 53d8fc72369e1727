"""Confirm: what lookups prove, with a cloud that answers as it is told."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest

from syncd.compshare.client import Lookup
from syncd.sync.confirm import LOOKUPS_PER_SYNC, Findings, confirm
from syncd.sync.guard import Verdict

FOUND, GONE, UNDECIDED = Lookup.FOUND, Lookup.GONE, Lookup.UNDECIDED


class Cloud:
    """Answers each id from ``answers``, else GONE; ids that begin with "shown" are found."""

    def __init__(self, answers: Mapping[str, Lookup] = {}) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def lookup(self, region: str, image_id: str) -> Lookup:
        assert region == "cn-a"
        self.asked.append(image_id)
        return self.answers.get(image_id, FOUND if image_id.startswith("shown") else GONE)


async def ask(cloud: Cloud, due: list[str], shown: list[str], seed: int = 1, believed: str = "") -> Findings:
    verdict = Verdict(due=frozenset(due), believed=frozenset(believed))
    return await confirm(cloud, "cn-a", verdict, shown, random.Random(seed))


def many(count: int) -> list[str]:
    return [f"i{number:03d}" for number in range(count)]


async def test_nothing_due_asks_nothing():
    cloud = Cloud()
    assert await ask(cloud, [], ["shown"]) == Findings()
    assert cloud.asked == []


async def test_gone_ids_are_gone_once_the_control_is_found():
    cloud = Cloud()
    assert await ask(cloud, ["a", "b"], ["shown"]) == Findings(frozenset("ab"))
    assert cloud.asked == ["shown", "a", "b"]


@pytest.mark.parametrize("answer", [GONE, UNDECIDED])
async def test_without_its_control_no_lookup_proves_anything_or_is_made(answer):
    cloud = Cloud({"shown": answer})
    assert await ask(cloud, ["a"], ["shown"]) == Findings(proving=False)
    assert cloud.asked == ["shown"]


async def test_an_empty_list_has_no_control():
    cloud = Cloud()
    assert await ask(cloud, ["a"], []) == Findings(frozenset("a"))
    assert cloud.asked == ["a"]


async def test_any_shown_id_may_be_the_control():
    shown = [f"shown{number}" for number in range(5)]
    controls = set()
    for seed in range(40):
        cloud = Cloud()
        await ask(cloud, ["a"], shown, seed)
        controls.add(cloud.asked[0])
    assert controls == set(shown)


async def test_a_row_that_is_there_stays_while_others_go():
    found = await ask(Cloud({"b": FOUND}), ["a", "b"], ["shown"])
    assert found == Findings(frozenset("a"), found=frozenset("b"))


async def test_an_undecided_row_stays_and_says_that_lookups_prove_nothing():
    found = await ask(Cloud({"b": UNDECIDED}), ["a", "b"], ["shown"])
    assert found == Findings(frozenset("a"), proving=False)


async def test_a_control_that_vanished_since_the_list_is_followed_by_another():
    cloud = Cloud({"shown1": GONE})
    assert (await ask(cloud, ["a"], ["shown1", "shown2"])).gone == {"a"}
    assert cloud.asked[-1] == "a"


async def test_what_was_missing_for_a_day_is_believed_gone_unless_a_lookup_finds_it():
    answers = {"a": GONE, "b": UNDECIDED, "c": FOUND, "d": UNDECIDED}
    found = await ask(Cloud(answers), list("abcd"), ["shown"], believed="abc")
    assert (found.gone, found.found) == (set("ab"), {"c"})


async def test_without_a_control_only_what_is_believed_is_asked_for_and_may_be_found():
    cloud = Cloud({"shown": UNDECIDED, "a": GONE, "b": FOUND})
    found = await ask(cloud, list("abc"), ["shown"], believed="ab")
    assert (found.gone, found.found, found.proving) == ({"a"}, {"b"}, False)
    assert cloud.asked == ["shown", "a", "b"]


async def test_200_rows_are_all_asked_for():
    cloud, due = Cloud(), many(LOOKUPS_PER_SYNC)
    found = await ask(cloud, due, [])
    assert (found.gone, found.postponed) == (set(due), 0)
    assert sorted(cloud.asked) == due


async def test_of_more_rows_those_that_are_not_asked_for_wait():
    cloud, due = Cloud(), many(LOOKUPS_PER_SYNC + 50)
    found = await ask(cloud, due, [])
    assert found.gone == set(cloud.asked)
    assert (len(found.gone), found.postponed) == (LOOKUPS_PER_SYNC, 50)


async def test_which_rows_come_first_is_left_to_chance():
    """Rows that lookups find again and again keep no others from being asked for."""
    samples = []
    for seed in (1, 2):
        cloud = Cloud()
        await ask(cloud, many(500), [], seed)
        samples.append(set(cloud.asked))
    assert samples[0] != samples[1]


async def test_what_a_lookup_found_a_moment_ago_is_not_asked_for_again():
    cloud = Cloud({"a": FOUND})
    verdict = Verdict(due=frozenset("ab"))
    found = await confirm(cloud, "cn-a", verdict, ["shown"], random.Random(1), lately=["a"])
    assert (found, cloud.asked) == (Findings(frozenset("b")), ["shown", "b"])
