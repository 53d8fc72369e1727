"""docs/sinks.md, and its Chinese sister, do what they say: their settings load, their receivers verify."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from syncd.config import load
from syncd.model import Secret
from syncd.sinks import signatures
from syncd.sinks.formats import names
from syncd.sinks.template_check import template_faults

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "sinks.md").read_text()
CHINESE_PAGE = (DOCS / "zh" / "sinks.md").read_text()
SECRETS = ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_TmV3IHNlY3JldCwgb2YgdHdlbnR5LWZvdXIgYnl0ZXM=")
BODY = '{"name":"镜像"}'.encode()

ACCOUNT = '[accounts.lab]\npublic_key = "a"\nprivate_key = "b"\n'


def blocks(language: str, page: str = PAGE) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.M | re.S)


def test_both_languages_show_the_same_receivers():
    for language in ("python", "js", "go"):
        assert blocks(language, CHINESE_PAGE) == blocks(language)


@pytest.mark.parametrize(
    "block",
    [*blocks("toml"), *blocks("toml", CHINESE_PAGE)],
    ids=lambda block: block.split("]")[0].strip("["),
)
def test_every_table_of_settings_loads(block, tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(ACCOUNT + block)
    path.chmod(0o600)
    assert load(path, {"HOME": str(tmp_path)}, [template_faults]).sinks


@pytest.mark.parametrize("page", [PAGE, CHINESE_PAGE], ids=["en", "zh"])
def test_every_format_is_set_up_on_the_page(page):
    assert [name for name in names() if f'"{name}"' not in page and f"`{name}`" not in page] == []


def message(**changes: str) -> dict[str, str]:
    now = changes.pop("at", str(int(time.time())))
    signature = signatures.standard([Secret(secret) for secret in SECRETS], "01JD", int(now), BODY)
    return {"webhook-id": "01JD", "webhook-timestamp": now, "webhook-signature": signature, **changes}


def cases() -> list[tuple[str, dict[str, str], bytes, bool]]:
    """Secret, headers, body, and whether it is genuine; signed now, since a signature is good for minutes only."""
    return [
        (SECRETS[0], message(), BODY, True),
        (SECRETS[1], message(), BODY, True),
        ("whsec_" + "A" * 32, message(), BODY, False),
        (SECRETS[0], message(), BODY + b" ", False),
        (SECRETS[0], message(**{"webhook-id": "01JE"}), BODY, False),
        (SECRETS[0], message(at=str(int(time.time()) - 600)), BODY, False),
        (SECRETS[0], message(**{"webhook-signature": "v1,short v2,é"}), BODY, False),
    ]


def test_the_python_receiver_verifies():
    (code,) = blocks("python")
    room: dict = {}
    exec(code, room)
    signed = cases()
    assert [room["verify"](*case) for *case, _ in signed] == [expected for *_, expected in signed]


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node here")
def test_the_node_receiver_verifies(tmp_path):
    (code,) = blocks("js")
    signed = cases()
    calls = json.dumps([[secret, headers, body.decode()] for secret, headers, body, _ in signed])
    (tmp_path / "verify.mjs").write_text(
        f"{code}\nconsole.log(JSON.stringify({calls}.map((call) => verify(...call))));\n"
    )
    done = subprocess.run(
        ["node", "verify.mjs"], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(done.stdout) == [expected for *_, expected in signed]


GO_FRAME = """package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"verify/slices"
)

func main() {
	var cases []struct {
		Secret, Body string
		Headers      map[string]string
	}
	if err := json.NewDecoder(os.Stdin).Decode(&cases); err != nil {
		panic(err)
	}
	said := []bool{}
	for _, one := range cases {
		headers := http.Header{}
		for name, value := range one.Headers {
			headers.Set(name, value)
		}
		said = append(said, Verify(one.Secret, headers, []byte(one.Body)))
	}
	json.NewEncoder(os.Stdout).Encode(said)
}
"""
GO_SLICES = """package slices

func ContainsFunc[E any](all []E, is func(E) bool) bool {
	for _, one := range all {
		if is(one) {
			return true
		}
	}
	return false
}
"""
"""As in the standard library from Go 1.21 on, for older ones."""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("go") is None, reason="there is no go here")
def test_the_go_receiver_verifies(tmp_path):
    (code,) = blocks("go")
    (tmp_path / "go.mod").write_text("module verify\n\ngo 1.19\n")
    (tmp_path / "main.go").write_text(f"{GO_FRAME}\n{code}")
    (tmp_path / "slices").mkdir()
    (tmp_path / "slices/slices.go").write_text(GO_SLICES)
    signed = cases()
    calls = [{"Secret": case[0], "Headers": case[1], "Body": case[2].decode()} for case in signed]
    done = subprocess.run(
        ["go", "run", "."], cwd=tmp_path, input=json.dumps(calls), capture_output=True, text=True,
        env={**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local"}, timeout=110,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [case[3] for case in signed]


@pytest.mark.parametrize("language", ["python", "js", "go"])
def test_a_receiver_takes_about_ten_lines(language):
    (code,) = blocks(language)
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
