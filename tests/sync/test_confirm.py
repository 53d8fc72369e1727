"""Confirm: what lookups prove, with a cloud that answers as it is told."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest

from syncd.compshare.client import Lookup
from syncd.sync.confirm import SAMPLE, Findings, confirm

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


async def ask(cloud: Cloud, due: list[str], shown: list[str], seed: int = 1) -> Findings:
    return await confirm(cloud, "cn-a", due, shown, random.Random(seed))


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
    assert await ask(Cloud({"b": FOUND}), ["a", "b"], ["shown"]) == Findings(frozenset("a"))


async def test_an_undecided_row_stays_and_says_that_lookups_prove_nothing():
    found = await ask(Cloud({"b": UNDECIDED}), ["a", "b"], ["shown"])
    assert found == Findings(frozenset("a"), proving=False)


async def test_50_rows_are_all_asked_for():
    cloud, due = Cloud(), many(SAMPLE)
    assert (await ask(cloud, due, [])).gone == set(due)
    assert sorted(cloud.asked) == due


async def test_of_more_rows_50_are_asked_for_and_the_rest_follow_them():
    cloud, due = Cloud(), many(SAMPLE + 1)
    assert (await ask(cloud, due, [])).gone == set(due)
    assert len(set(cloud.asked)) == SAMPLE


async def test_the_sample_is_random():
    samples = []
    for seed in (1, 2):
        cloud = Cloud()
        await ask(cloud, many(200), [], seed)
        samples.append(set(cloud.asked))
    assert samples[0] != samples[1]


@pytest.mark.parametrize("answer", [FOUND, UNDECIDED])
async def test_one_row_of_the_sample_that_is_not_gone_keeps_the_rest(answer):
    due = many(200)
    sampled = Cloud()
    await ask(sampled, due, [])
    stays = sampled.asked[7]
    found = await ask(Cloud({stays: answer}), due, [])
    assert found.gone == set(sampled.asked) - {stays}
    assert found.proving == (answer is FOUND)
