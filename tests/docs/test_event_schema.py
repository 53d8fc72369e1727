"""The JSON Schema of events: every sample fits it, and nothing that lacks a part or bends one does."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cloudevents.core.formats.json import JSONFormat
from standardwebhooks import Webhook

from syncd.delivery import sink_events
from syncd.model import COMPARED, EVENT_TYPES, Draft, Image, to_text
from syncd.sinks.samples import IMAGE, samples
from syncd.sinks.template_samples import template_samples
from syncd.store.deliveries import SinkRecord
from syncd.store.outbox import body, new_id
from tests.sinks.samples import digest, each_type

NOW = datetime(2026, 11, 24, 2, 41, 59, 123000, tzinfo=UTC)
SCHEMA = json.loads((Path(__file__).parents[2] / "syncd" / "event.schema.json").read_text())
SAMPLES = samples(NOW)


def closed(schema: Any) -> Any:
    """The schema without room for fields that it does not name."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {name: closed(part) for name, part in schema.items()}
    if changed.get("type") == "object" and changed.get("properties"):
        changed["additionalProperties"] = False
    return changed


OPEN = jsonschema.Draft202012Validator(SCHEMA)
CLOSED = jsonschema.Draft202012Validator(closed(SCHEMA))


def event(draft: Draft, seq: int = 42) -> dict[str, Any]:
    return json.loads(body(seq, new_id(draft.time), draft))  # type: ignore[no-any-return]


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where a field can be taken away: every one of every object but the free-form ones."""
    if isinstance(value, dict) and (not path or path[-1] not in ("previous", "softwares")):
        for name, inner in value.items():
            yield (*path, name)
            yield from paths(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from paths(inner, (*path, index))


def without(value: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    value = copy.deepcopy(value)
    holder: Any = value
    for step in path[:-1]:
        holder = holder[step]
    del holder[path[-1]]
    return value


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_there_is_a_sample_of_every_type_in_order() -> None:
    assert tuple(SAMPLES) == EVENT_TYPES
    assert SCHEMA["properties"]["type"]["enum"] == list(EVENT_TYPES)


def test_the_schema_names_every_field_of_an_image_and_every_compared_one() -> None:
    assert tuple(SCHEMA["$defs"]["image"]["properties"]) == Image.__struct_fields__
    assert tuple(SCHEMA["$defs"]["change"]["properties"]["field"]["enum"]) == tuple(
        name for name in Image.__struct_fields__ if name in COMPARED
    )


@pytest.mark.parametrize("type_", EVENT_TYPES)
def test_a_sample_fits_the_schema_and_has_nothing_that_it_does_not_name(type_: str) -> None:
    CLOSED.validate(event(SAMPLES[type_]))


@pytest.mark.parametrize("type_", EVENT_TYPES)
def test_no_field_of_any_event_may_be_missing(type_: str) -> None:
    whole = event(SAMPLES[type_])
    assert [path for path in paths(whole) if OPEN.is_valid(without(whole, path))] == []


@pytest.mark.parametrize("type_", EVENT_TYPES)
def test_no_field_may_be_of_another_type(type_: str) -> None:
    whole = event(SAMPLES[type_])
    for path in paths(whole):
        if path[-1] in ("from", "to"):
            continue
        bent = copy.deepcopy(whole)
        holder: Any = bent
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = [{"no": "such thing"}]
        assert not OPEN.is_valid(bent), path


def test_an_empty_image_and_a_field_of_a_later_version_fit() -> None:
    draft = SAMPLES["image.shared"]
    empty = Draft(
        draft.type, NOW, {**draft.data, "image": Image(image_id=IMAGE.image_id), "observed_after": None},
        draft.account, draft.region, draft.image_id, draft.scope,
    )  # fmt: skip
    CLOSED.validate(event(empty))
    OPEN.validate({**event(empty), "traceparent": "00-1"})


def test_a_scope_change_is_said_and_nothing_else_is() -> None:
    told = event(SAMPLES["image.updated"])
    told["data"]["reason"] = "scope_changed"
    CLOSED.validate(told)
    told["data"]["reason"] = "because"
    assert not OPEN.is_valid(told)


def test_a_status_and_other_changes_do_not_share_an_event() -> None:
    status, other = event(SAMPLES["image.status_changed"]), event(SAMPLES["image.updated"])
    status["data"]["changes"], other["data"]["changes"] = other["data"]["changes"], status["data"]["changes"]
    assert not OPEN.is_valid(status)
    assert not OPEN.is_valid(other)


@pytest.mark.parametrize("type_", EVENT_TYPES)
def test_a_sample_is_a_cloud_event(type_: str) -> None:
    draft = SAMPLES[type_]
    stored = body(42, new_id(NOW), draft)
    parsed = JSONFormat().read(None, stored)
    envelope = json.loads(stored)
    assert parsed.get_type() == type_
    assert parsed.get_id() == envelope["id"]
    assert parsed.get_source() == envelope["source"]
    assert parsed.get_subject() == draft.image_id
    assert parsed.get_time() == NOW
    assert parsed.get_extension("sequence") == "0" * 18 + "42"
    assert parsed.get_data() == envelope["data"]


@pytest.mark.parametrize("type_", EVENT_TYPES)
def test_a_sample_is_a_standard_webhooks_payload(type_: str) -> None:
    stored = body(42, new_id(NOW), SAMPLES[type_])
    webhook, sent_at = Webhook("whsec_" + "c2FtcGxl" * 4), datetime.now(UTC)
    headers = {
        "webhook-id": json.loads(stored)["id"],
        "webhook-timestamp": str(int(sent_at.timestamp())),
        "webhook-signature": webhook.sign(json.loads(stored)["id"], sent_at, stored.decode()),
    }
    received = webhook.verify(stored, headers)
    assert (received["type"], received["timestamp"]) == (type_, "2026-11-24T02:41:59.123Z")
    assert received["data"] == json.loads(stored)["data"]
    assert len(stored) < 20_000


@pytest.mark.parametrize("type_", EVENT_TYPES)
def test_what_templates_and_formats_are_tried_with_are_events(type_: str) -> None:
    for one in template_samples(type_):
        CLOSED.validate(one)
    CLOSED.validate(json.loads(each_type()[type_].body))


def test_the_digest_that_formats_are_tried_with_holds_events() -> None:
    for item in digest():
        CLOSED.validate(json.loads(item.body))


@pytest.mark.parametrize("reason", ["backing_off", "gone", "disabled", "dead"])
def test_what_is_told_about_a_sink_is_an_event(reason: str) -> None:
    sink = SinkRecord("hook", "backing_off", NOW, failed_said_at=NOW, failed_reason=reason)
    CLOSED.validate(event(sink_events.failed(sink, reason, "HTTP 503", NOW)))
    CLOSED.validate(event(sink_events.none_dead(sink, NOW)))
    CLOSED.validate(event(sink_events.recovered(sink, NOW)))


def test_the_envelope_has_its_keys_in_order_as_compact_utf8() -> None:
    stored = body(42, "01JD", SAMPLES["image.shared"])
    assert stored.startswith(
        '{"specversion":"1.0","id":"01JD","source":"urn:syncd:sample:cn-wlcb","type":"image.shared",'
        '"subject":"compshareImage-sample","time":"2026-11-24T02:41:59.123Z","timestamp":"2026-11-24T02:41:59.123Z",'
        '"sequence":"00000000000000000042","datacontenttype":"application/json","data":{"account":"sample",'
        '"region":"cn-wlcb","scope":"account","baseline":false,"observed_after":"2026-11-24T02:40:59.123Z",'
        '"image":{"image_id":"compshareImage-sample","name":"pytorch-2.9 训练'.encode()
    )


def test_the_source_names_what_the_event_is_about() -> None:
    sources = [event(SAMPLES[type_])["source"] for type_ in ("sync.held", "sync.failed", "sink.failed")]
    assert sources == ["urn:syncd:sample:cn-wlcb", "urn:syncd:sample", "urn:syncd"]


def test_an_id_is_a_uuid_of_the_events_time_and_sorts_by_it() -> None:
    later = new_id(NOW.replace(second=60 - 1, microsecond=124000))
    assert new_id(NOW) < later
    assert int(new_id(NOW).replace("-", "")[:12], 16) == int(NOW.timestamp() * 1000)
    assert to_text(NOW) == "2026-11-24T02:41:59.123Z"
