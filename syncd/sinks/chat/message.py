"""A digest laid out for a receiver: headline and blocks in its markup, within its limit. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from syncd.sinks.chat.digest import Tone, gather
from syncd.sinks.chat.event import read
from syncd.sinks.chat.words import Told, Words
from syncd.sinks.format import Attempt, Options
from syncd.sinks.sink import Item
from syncd.sinks.text import ELLIPSIS, clean, short

HEADLINE_LENGTH = 250
PREFIX_LENGTH = 60
ENTRIES_SHOWN = 30
"""Images and system events in one message; a person reads no more."""


@dataclass(frozen=True, slots=True)
class Markup:
    """How a receiver writes: ``escape`` makes a line of plain text harmless, ``bold`` wraps an escaped one.

    ``measure`` counts in the receiver's unit and is additive: of two texts joined it is the sum.
    """

    escape: Callable[[str], str]
    bold: Callable[[str], str]
    measure: Callable[[str], int]
    line_break: str = "\n"
    block_break: str = "\n\n"
    block_limit: int = 2500
    """Of one block, which therefore always fits an empty message."""


@dataclass(frozen=True, slots=True)
class Message:
    """``headline`` is plain text that begins with the operator's ``prefix``; ``blocks`` are in the markup."""

    prefix: str
    headline: str
    blocks: tuple[str, ...]
    tone: Tone

    @property
    def title(self) -> str:
        """Prefix and headline, for a receiver that shows it without markup."""
        return f"{self.prefix} {self.headline}".strip()


def compose(items: Sequence[Item], options: Options, attempt: Attempt, markup: Markup, limit: int) -> Message:
    """``limit`` is that of all blocks and their breaks together. Raises RenderError."""
    words = Words(options.language, options.zone)
    digest = gather(read(items))
    since = attempt.away_since
    headline = words.headline(digest) if since is None else words.away(since, attempt.now, digest)
    told = words.tell(digest, ENTRIES_SHOWN)
    blocks = fit(told, len(digest.entries), markup, limit, words.more)
    prefix = clean(options.prefix)[:PREFIX_LENGTH]
    return Message(prefix, short(headline, HEADLINE_LENGTH), blocks, digest.tone())


def fit(
    told: Sequence[Told], entries: int, markup: Markup, limit: int, more: Callable[[int], str]
) -> tuple[str, ...]:
    """As many blocks as fit, then how many more of all ``entries`` there are."""
    gap = markup.measure(markup.block_break)
    room = limit - markup.measure(markup.escape(more(entries)))
    blocks: list[str] = []
    for entry in told:
        block = _block(entry, markup)
        room -= markup.measure(block) + gap
        if room < 0:
            break
        blocks.append(block)
    rest = entries - len(blocks)
    return (*blocks, markup.escape(more(rest))) if rest else tuple(blocks)


def _block(told: Told, markup: Markup) -> str:
    """Whole, or if that is too long its first lines and "…"; a line is never cut within its markup."""
    title = [markup.bold(markup.escape(told.title))] if told.title else []
    lines = list(map(markup.escape, told.lines))
    block = markup.line_break.join([*title, *lines])
    while markup.measure(block) > markup.block_limit and lines:
        lines.pop()
        block = markup.line_break.join([*title, *lines, ELLIPSIS])
    return block
