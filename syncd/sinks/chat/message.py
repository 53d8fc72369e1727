"""Lays out a digest for a receiver: headline and blocks in its markup, within its limit. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from syncd.sinks.chat.digest import Tone, gather
from syncd.sinks.chat.event import read
from syncd.sinks.chat.words import Section, Words
from syncd.sinks.format import Attempt, Options
from syncd.sinks.sink import Item
from syncd.sinks.text import ELLIPSIS, clean, short

HEADLINE_LENGTH = 250
PREFIX_LENGTH = 60
ENTRIES_SHOWN = 30
"""How many images and system events one message shows; a person reads no more."""


@dataclass(frozen=True, slots=True)
class Markup:
    """A receiver's markup: ``escape`` makes a line of plain text harmless, ``bold`` wraps an escaped line.

    ``measure`` counts in the receiver's unit and is additive: two texts joined measure as much as both together.
    """

    escape: Callable[[str], str]
    bold: Callable[[str], str]
    measure: Callable[[str], int]
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

    @property
    def title(self) -> str:
        """Prefix and headline, for a receiver that shows them without markup."""
        return f"{self.prefix} {self.headline}".strip()


def compose(items: Sequence[Item], options: Options, attempt: Attempt, markup: Markup, limit: int) -> Message:
    """``limit`` is the limit of all blocks and their breaks together. Raises RenderError."""
    words = Words(options.language, options.zone)
    digest = gather(read(items))
    since = attempt.away_since
    headline = words.headline(digest) if since is None else words.catching_up(since, attempt.now, digest)
    sections = words.sections(digest, ENTRIES_SHOWN)
    blocks = fit(sections, len(digest.entries), markup, limit, words.more)
    prefix = clean(options.prefix)[:PREFIX_LENGTH]
    return Message(prefix, short(headline, HEADLINE_LENGTH), blocks, digest.tone())


def fit(
    sections: Sequence[Section], entries: int, markup: Markup, limit: int, more: Callable[[int], str]
) -> tuple[str, ...]:
    """As many blocks as fit, and then a line that says how many more of all ``entries`` there are."""
    gap = markup.measure(markup.block_break)
    room = limit - markup.measure(markup.escape(more(entries)))
    blocks: list[str] = []
    for section in sections:
        block = _block(section, markup)
        room -= markup.measure(block) + gap
        if room < 0:
            break
        blocks.append(block)
    rest = entries - len(blocks)
    return (*blocks, markup.escape(more(rest))) if rest else tuple(blocks)


def _block(section: Section, markup: Markup) -> str:
    """The section, or if it is too long its first lines and "…". No line is cut, since that could cut its markup."""
    title = [markup.bold(markup.escape(section.title))] if section.title else []
    lines = list(map(markup.escape, section.lines))
    block = markup.line_break.join([*title, *lines])
    while markup.measure(block) > markup.block_limit and lines:
        lines.pop()
        block = markup.line_break.join([*title, *lines, ELLIPSIS])
    return block
