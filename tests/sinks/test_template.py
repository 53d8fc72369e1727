"""Templates of the operator's own: tried at the start, harmless at work."""

from __future__ import annotations

import json
import time
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.config import WebhookSinkConfig
from syncd.model import EVENT_TYPES, Secret, SinkFilter
from syncd.sinks.format import Attempt, Options, RenderError
from syncd.sinks.formats import find
from syncd.sinks.formats.template import OUTPUT_LIMIT, fill
from syncd.sinks.template_check import check_template
from syncd.sinks.template_samples import AWKWARD, template_samples
from tests.sinks import samples
from tests.sinks.samples import NOW, of_image

EVERYTHING = ("image.*", "sync.*", "sink.*")


def sink(
    body: str, events: tuple[str, ...] = EVERYTHING, content_type: str | None = None
) -> WebhookSinkConfig:
    url = Secret("http://127.0.0.1/")
    return WebhookSinkConfig(
        "mine", SinkFilter(events=events), url, format="template", body=body, content_type=content_type
    )


def shared(name: str = "x") -> dict:
    return json.loads(of_image(image={"name": name}).body)


# At the start


GOOD = """{"text": {{ ((image.name or image.image_id) if image else event.type) | tojson }},
 "account": {{ (data.account or data.sink) | tojson }}, "was": {{ (data.previous or {}) | tojson }},
 "changes": [{% for change in data.changes or [] %}
   {{ change.field | tojson }}{{ "," if not loop.last }}
 {% endfor %}]}"""


def test_a_good_template_has_no_fault():
    assert check_template(sink(GOOD)) == []
    assert check_template(sink("{{ event | tojson }}")) == []


@pytest.mark.parametrize("content_type", [None, "application/json", "application/vnd.x+json; charset=utf-8"])
def test_a_name_that_breaks_the_json_is_found_at_the_start(content_type):
    (fault,) = check_template(
        sink('{"name": "{{ image.image_id if image }}{{ image.name if image }}"}', content_type=content_type)
    )
    assert fault.key == "sinks.mine.body"
    assert "image.shared" in fault.remedy
    assert "tojson" in fault.remedy


def test_plain_text_need_not_be_json():
    assert check_template(sink("{{ event.type }}", content_type="text/plain")) == []


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("{{ image.name", "line 1"),
        ("\n{% if %}", "line 2"),
        ("{% include 'x' %}", "loader"),
        ("{{ image.name | nosuch }}", "nosuch"),
        ('"{{ image.nmae }}"', "nmae"),
        ("{{ image.nmae | tojson }}", "nmae"),
        ("{{ image.name.upper() | tojson }}", "upper"),
        ("{{ 1 / 0 }}", "ZeroDivisionError"),
        ("{{ data.reason | tojson }}", "reason"),
        ("{{ data | tojson | int }}{{ data.account + 1 }}", "TypeError"),
    ],
)
def test_what_is_wrong_is_said_with_key_and_remedy(body, says):
    faults = check_template(sink(body, ("image.shared",)))
    assert faults
    assert all(fault.key == "sinks.mine.body" for fault in faults)
    assert says in " ".join(fault.remedy for fault in faults)


def test_only_the_events_that_the_sink_takes_are_tried():
    body = "{{ image.image_id | tojson }}"
    assert check_template(sink(body, ("image.*",))) == []
    (fault,) = check_template(sink(body))
    assert "sync.baseline" in fault.remedy


def test_there_is_a_trial_of_every_type_with_the_fields_that_real_events_have():
    real = {kind: json.loads(item.body) for kind, item in samples.each_type().items()}
    assert set(real) == set(EVENT_TYPES)
    for kind, event in real.items():
        for trial in template_samples(kind):
            assert trial.keys() == event.keys()
            assert trial["data"].keys() == event["data"].keys()
            if "image" in event["data"]:
                assert trial["data"]["image"].keys() == event["data"]["image"].keys()


# At work


@given(st.text())
def test_tojson_carries_any_text(name):
    event = shared()
    event["data"]["image"]["name"] = name
    assert json.loads(fill('{"n": {{ image.name | tojson }}}', event)) == {"n": name}


def test_nothing_is_escaped_but_by_tojson():
    assert fill("{{ image.name }}", shared("<a> & 'b'")) == b"<a> & 'b'"
    assert fill("{{ (image.name | tojson) ~ '<' }}", shared("<")) == b'"<"<'


def test_the_request_has_id_time_and_its_content_type():
    options = Options(body="hi", content_type="text/plain")
    request = find("template").render([of_image()], options, Attempt(NOW))
    assert request.body == b"hi"
    assert dict(request.headers) == {
        "Content-Type": "text/plain",
        "webhook-id": of_image().event_id,
        "webhook-timestamp": str(int(NOW.timestamp())),
    }


@pytest.mark.parametrize(
    "body",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ event.__class__.__base__.__subclasses__() }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ self.__init__.__globals__ }}",
        "{{ ''.format.__globals__ }}",
        "{{ '{0.__class__}'.format(event) }}",
        "{{ event.update({'type': 'x'}) }}",
        "{{ data.changes.append(1) }}",
        "{% set event.type = 'x' %}",
    ],
)
def test_there_is_no_way_out_of_the_sandbox(body):
    event = shared()
    try:
        output = fill(body, event).decode()
    except RenderError:
        output = ""
    assert "class" not in output
    assert "function" not in output
    assert event == shared()


@pytest.mark.parametrize(
    "body",
    [
        "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
        "{% for a in range(99999) %}{% for b in range(99999) if b < 0 %}x{% endfor %}{% endfor %}",
        "{% set s = 'x' * 2000 %}{% for a in s %}{% for b in s %}{% for c in s %}{% endfor %}{% endfor %}{% endfor %}",
        "{% for a in range(10**9) %}{% endfor %}",
        "{{ 'x' * 10**9 }}",
        "{{ [1] * 10**9 }}",
        "{{ 7 ** 7 ** 9 }}",
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% for a in range(90000) %}0123456789{% endfor %}",
    ],
)
def test_a_template_that_never_ends_is_ended(body):
    start = time.monotonic()
    with pytest.raises(RenderError, match="template"):
        fill(body, shared())
    assert time.monotonic() - start < timedelta(seconds=3).total_seconds()


def test_the_output_is_capped():
    assert len(fill("{{ image.name }}", shared("x" * OUTPUT_LIMIT))) == OUTPUT_LIMIT
    with pytest.raises(RenderError, match="longer than 65536 bytes"):
        fill("{{ image.name }}", shared("x" * (OUTPUT_LIMIT - 1) + "é"))


def test_loops_work_as_jinja_says():
    loop = "{% for c in data.changes %}{{ loop.index }}/{{ loop.length }}:{{ c.field }}{{ ',' if not loop.last }}"
    body = loop + "{% else %}none{% endfor %}"
    assert fill(body, json.loads(samples.updated().body)).decode().startswith("1/5:name,2/5:size_mb,")
    assert fill(body, shared()) == b"none"


def test_the_trials_are_awkward():
    assert AWKWARD in [trial["data"]["image"]["name"] for trial in template_samples("image.shared")]
