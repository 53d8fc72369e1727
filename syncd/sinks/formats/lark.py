"""``lark``: Feishu outside China, with the same card, signature and answers at another host."""

from __future__ import annotations

from dataclasses import replace

from syncd.sinks.formats import feishu

FORMAT = replace(feishu.FORMAT, name="lark")
