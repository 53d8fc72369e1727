"""Lays out a digest for a receiver: headline and blocks in its markup, within its limit. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from syncd.sinks.chat.digest import Digest, Tone, gather
from syncd.sinks.chat.event import Event, read
from syncd.sinks.chat.words import Section, Words
from syncd.sinks.format import Attempt, Options
from syncd.sinks.sink import Item
from syncd.sinks.text import ELLIPSIS, clean, short

CONSOLE = "https://console.compshare.cn/"
HEADLINE_LENGTH = 250
PREFIX_LENGTH = 60
ENTRIES_SHOWN = 30
"""How many images and system events one message shows at most; a person reads no more at once."""


@dataclass(frozen=True, slots=True)
class Markup:
    """A receiver's markup: ``escape`` makes a line of plain text harmless, ``bold`` wraps an escaped line.

    ``link`` makes a link of a text and an address, both our own. ``measure`` counts in the receiver's unit and is
    additive: two texts joined measure as much as both together.
    """

    escape: Callable[[str], str]
    bold: Callable[[str], str]
    measure: Callable[[str], int]
    link: Callable[[str, str], str] = "[{}]({})".format
    line_break: str = "\n"
    block_break: str = "\n\n"
    block_limit: int = 2500
    """The limit of one block, so that any block fits into an empty message."""


@dataclass(frozen=True, slots=True)
class Message:
    """``prefix`` is the operator's; ``headline`` is plain text that follows it; ``blocks`` are in the markup."""

    prefix: str
    headline: str
    blocks: tuple[str, ...]
    tone: Tone
    shown: tuple[str, ...]
    """The ids of the events that it tells."""
    left: frozenset[int]
    """The numbers of the events that it has no room for."""

    @property
    def title(self) -> str:
        """Prefix and headline, for a receiver that shows them without markup."""
        return f"{self.prefix} {self.headline}".strip()


def compose(items: Sequence[Item], options: Options, attempt: Attempt, markup: Markup, limit: int) -> Message:
    """As much of the events as fits, and at least the first entry.

    ``limit`` is the limit of all blocks and their breaks together. Raises RenderError.
    """
    words = Words(options.language, options.zone)
    events = read(items)
    whole = gather(events)
    link = markup.link(words.console, CONSOLE)
    ending = (link, markup.escape(words.more(len(events))))
    room = limit - markup.measure("".join(f"{line}{markup.block_break}" for line in ending))
    blocks = [_block(section, markup) for section in words.sections(whole.first(ENTRIES_SHOWN))]
    digest = whole.first(max(1, fitting(blocks, markup, room)))
    shown = digest.seqs
    left = [event for event in events if event.seq not in shown]
    return Message(
        prefix=clean(options.prefix)[:PREFIX_LENGTH],
        headline=short(_headline(words, digest, attempt, events), HEADLINE_LENGTH),
        blocks=(
            *(_block(section, markup) for section in words.sections(digest)),
            *([link] if digest.images else []),
            *([markup.escape(words.more(len(gather(left).entries)))] if left else []),
        ),
        tone=digest.tone(),
        shown=tuple(event.id for event in events if event.seq in shown),
        left=frozenset(event.seq for event in left),
    )


def _headline(words: Words, digest: Digest, attempt: Attempt, events: Sequence[Event]) -> str:
    headline = words.headline(digest)
    if any(event.data.test for event in events):
        headline = words.marked_as_test(headline)
    if attempt.away_since is None:
        return headline
    return words.catching_up(attempt.away_since, attempt.now, len(events), headline)


def fitting(blocks: Sequence[str], markup: Markup, room: int) -> int:
    """How many of the blocks fit, each with a break after it."""
    gap = markup.measure(markup.block_break)
    for count, block in enumerate(blocks):
        room -= markup.measure(block) + gap
        if room < 0:
            return count
    return len(blocks)


def _block(section: Section, markup: Markup) -> str:
    """The section, or if it is too long its first lines and "…". No line is cut, since that could cut its markup."""
    title = markup.bold(markup.escape(section.title)) if section.title else ""
    line = f"{title} · {markup.escape(section.beside)}"
    if section.beside and markup.measure(line) <= markup.block_limit:
        return line
    lines = list(map(markup.escape, section.lines))
    block = markup.line_break.join(filter(None, [title, *lines]))
    while markup.measure(block) > markup.block_limit and lines:
        lines.pop()
        block = markup.line_break.join(filter(None, [title, *lines, ELLIPSIS]))
    return block
