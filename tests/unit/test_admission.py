"""Admission judges bytes. Nothing here needs a clock, a log or a server."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.core.admission import AHEAD_MS_MAX, EVENTS_MAX, Admitted, Form, Unparsable, admit, form_of
from services.ingest.core.refusals import body_record, reject_record
from shared.contract.events import KINDS, REFUSED_KEYS, to_builtins
from shared.contract.frames import Rejected

NOW_MS = 1_772_442_847_000  # 2026-03-02T09:14:07Z
OBSERVED = {"type": "queue.observed", "id": "1", "ts": NOW_MS, "queue": "billing", "waiting": 3}
HANDLED = {"type": "contact.handled", "id": "2", "ts": NOW_MS, "contact": "c", "queue": "billing", "agent": "a"}


def judge(value: Any, form: Form = Form.JSON) -> Admitted:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    verdict = admit(body, form, NOW_MS)
    assert isinstance(verdict, Admitted), verdict
    return verdict


def refusal(event: dict[str, Any]) -> tuple[str, str]:
    verdict = judge(event)
    assert not verdict.events
    (why,) = verdict.rejected
    assert why.index == 0
    return why.pointer, why.detail


def test_one_object_is_one_event() -> None:
    verdict = judge(OBSERVED)
    assert (len(verdict.events), verdict.ts_ms, verdict.rejected) == (1, [NOW_MS], [])


def test_an_array_keeps_its_order() -> None:
    verdict = judge([OBSERVED | {"id": str(i)} for i in range(5)])
    assert [v.id for v in verdict.events] == ["0", "1", "2", "3", "4"]


def test_an_empty_array_is_no_event_and_no_fault() -> None:
    assert judge([]) == Admitted([], [], [], [])


def test_ndjson_has_an_event_a_line_and_blank_lines_do_not_count() -> None:
    lines = b"\n\n" + json.dumps(OBSERVED).encode() + b"\r\n\n" + json.dumps(HANDLED).encode() + b"\nnot json\n"
    verdict = judge(lines, Form.NDJSON)
    assert len(verdict.events) == 1
    assert [(r.index, r.pointer) for r in verdict.rejected] == [(1, "/handle_time_s"), (2, "")]
    assert "send JSON in UTF-8" in verdict.rejected[1].detail


@pytest.mark.parametrize(
    ("body", "advice"),
    [
        (b"", "nothing was sent"),
        (b'{"id":NaN}', "NaN, Infinity and a byte order mark are no JSON"),
        (b"\xef\xbb\xbf{}", "a byte order mark"),
        (b"\n".join([json.dumps(OBSERVED).encode()] * 2), "one a line as application/x-ndjson"),
        (b'{"id":"\\udc00, half of a pair"}', "half of a surrogate pair"),
    ],
)
def test_a_usual_cause_of_what_is_no_json_is_named(body: bytes, advice: str) -> None:
    answer = admit(body, Form.JSON, NOW_MS)
    assert isinstance(answer, Unparsable)
    assert advice in answer.detail


GOOD, BAD = json.dumps(OBSERVED).encode(), json.dumps(OBSERVED | {"waiting": -1}).encode()


@pytest.mark.parametrize(
    ("unusual", "accepted"),
    [(json.dumps(OBSERVED, indent=1).encode(), 0), (GOOD + GOOD, 0), (GOOD + b" \r", 1)],
    ids=["an event over several lines", "two events on a line", "blanks"],
)
def test_what_a_line_is_does_not_depend_on_the_other_lines(unusual: bytes, accepted: int) -> None:
    alone = admit(unusual, Form.NDJSON, NOW_MS)
    assert isinstance(alone, Admitted)
    assert len(alone.events) == accepted
    assert bool(alone.rejected) == (not accepted)
    assert len(judge(b"\n".join([GOOD, unusual]), Form.NDJSON).events) == 1 + accepted
    beside = judge(b"\n".join([GOOD, unusual, BAD]), Form.NDJSON)
    assert len(beside.events) == 1 + accepted
    assert len(beside.rejected) == len(alone.rejected) + 1


@pytest.mark.parametrize("body", [b"", b"\n \r\n\n"])
def test_ndjson_without_any_event_is_unparsable(body: bytes) -> None:
    assert admit(body, Form.NDJSON, NOW_MS) == Unparsable(400, "the body holds no event; send one a line")


def test_one_bad_event_does_not_refuse_the_others() -> None:
    verdict = judge([OBSERVED, OBSERVED | {"waiting": -1}, OBSERVED])
    assert len(verdict.events) == 2
    assert verdict.rejected == [Rejected(1, "/waiting", "Expected `int` >= 0")]
    assert json.loads(verdict.refused[0])["waiting"] == -1


def test_a_refused_key_says_why() -> None:
    pointer, detail = refusal(OBSERVED | {"transcript": "hello"})
    assert pointer == "/transcript"
    assert "takes no audio, transcripts, sentiment" in detail
    assert "remove the key `transcript`" in detail


@pytest.mark.parametrize("key", sorted(REFUSED_KEYS))
def test_each_refused_key_is_refused_with_a_value_and_passes_as_null(key: str) -> None:
    assert refusal(OBSERVED | {key: "x"})[0] == "/" + key
    assert judge(OBSERVED | {key: None}).events


SPELLINGS = [
    b'{"type":"agent.check_in","id":"1","ts":%d,"agent":"a","load":3,"%s":"x"}',
    b'{"%s" \r\t : ["x"], "type":"agent.check_in","id":"1","ts":%d,"agent":"a","load":3}',
    b'{"type":"agent.check_in","id":"1","ts":%d,"agent":"a","load":3,"%s":{"a":1},"%s":null}',
]


@pytest.mark.parametrize("key", sorted(REFUSED_KEYS))
@pytest.mark.parametrize("spelling", SPELLINGS, ids=["last", "first", "twice"])
def test_a_refused_key_is_found_however_it_is_written_and_wherever_it_stands(key: str, spelling: bytes) -> None:
    good = json.dumps(OBSERVED).encode()
    for name in (key.encode(), b"\\u%04x" % ord(key[0]) + key[1:].encode()):
        bad = spelling.replace(b"%d", str(NOW_MS).encode()).replace(b"%s", name)
        for body, form in (
            (b"[" + b",".join([good] * 40 + [bad] + [good] * 9) + b"]", Form.JSON),
            (b"\n".join([good] * 40 + [bad] + [good] * 9), Form.NDJSON),
        ):
            verdict = judge(body, form)
            assert len(verdict.events) == 49
            assert [(why.index, why.pointer) for why in verdict.rejected] == [(40, "/" + key)]
        assert [why.pointer for why in judge(bad).rejected] == ["/" + key]


def test_what_only_looks_like_a_refused_key_passes() -> None:
    event = OBSERVED | {
        "queue": 'a "text": b',
        "id": "note:1",
        "site": {"text": "x", "mood": 1},
        "textual": 1,
        "tex": 2,
    }
    assert judge([event] * 3).rejected == []
    assert judge(event | {"id": "text"}).rejected == []


@pytest.mark.parametrize("ts", [True, 1e3, "2026-03-02T09:14:07Z", -1, 10**30, AHEAD_MS_MAX + NOW_MS + 1])
def test_a_time_that_is_not_plain_is_judged_by_itself(ts: Any) -> None:
    verdict = judge([OBSERVED, OBSERVED | {"ts": ts}])
    assert len(verdict.events) + len(verdict.rejected) == 2
    assert verdict.ts_ms[0] == NOW_MS


def test_an_unknown_type_is_told_the_known_ones_and_who_writes_alert_events() -> None:
    pointer, detail = refusal(OBSERVED | {"type": "alert.acknowledged"})
    assert pointer == "/type"
    assert all(kind in detail for kind in KINDS)
    assert "alert.acknowledged" in detail
    assert "come from leads only" in detail


def test_a_word_that_is_not_in_the_list_is_not_repeated() -> None:
    pointer, detail = refusal({"type": "agent.state", "id": "1", "ts": NOW_MS, "agent": "a", "state": "+49 30 1"})
    assert pointer == "/state"
    assert detail.startswith("`state` must be one of available, ")


def test_a_missing_field_is_named() -> None:
    event = {k: v for k, v in OBSERVED.items() if k != "queue"}
    assert refusal(event) == ("/queue", "Object missing required field `queue`")


def test_handle_time_may_be_given_in_parts_but_not_left_out() -> None:
    assert refusal(HANDLED)[0] == "/handle_time_s"
    (event,) = judge(HANDLED | {"talk_s": 100, "acw_s": 20}).events
    assert event.handle_time_s == 120.0  # type: ignore[attr-defined]


def test_times_may_be_rfc_3339() -> None:
    assert judge(OBSERVED | {"ts": "2026-03-02T10:14:07+01:00"}).ts_ms == [NOW_MS]


@pytest.mark.parametrize(
    ("ts", "says"),
    [
        ("2026-03-02T10:14:07", "no UTC offset"),
        ("yesterday", "neither milliseconds nor RFC 3339"),
        (NOW_MS // 1000, f"looks like seconds since 1970; send milliseconds: {NOW_MS // 1000}000"),
        (NOW_MS / 1000, "looks like seconds"),
        (-1, "1970 to 2100"),
        (NOW_MS * 1000, "1970 to 2100"),
        (1e300, "1970 to 2100"),
        ("0001-01-01T00:00:00+23:59", "1970 to 2100"),
        ("9999-12-31T23:59:59-23:59", "1970 to 2100"),
        (NOW_MS + AHEAD_MS_MAX + 1000, "601 s ahead of our clock"),
        (4_102_444_800_000, "ahead of our clock"),
    ],
)
def test_a_time_that_cannot_be_is_refused_with_the_reason(ts: Any, says: str) -> None:
    pointer, detail = refusal(OBSERVED | {"ts": ts})
    assert pointer == "/ts"
    assert says in detail


def test_a_time_ten_minutes_ahead_and_one_of_1970_are_taken() -> None:
    assert judge([OBSERVED | {"ts": NOW_MS + AHEAD_MS_MAX}, OBSERVED | {"ts": 0}]).ts_ms == [NOW_MS + AHEAD_MS_MAX, 0]
    assert judge(OBSERVED | {"ts": "1970-01-20T00:00:00Z"}).ts_ms == [19 * 86_400_000]  # in words it is no mistake


@pytest.mark.parametrize("number", [b"1e400", b"-1e400", b"9" * 400, b"9" * 5000])
@pytest.mark.parametrize("field", [b"ts", b"waiting", b"longest_wait_s"])
def test_numbers_beyond_all_bounds_refuse_the_event_only(number: bytes, field: bytes) -> None:
    rest = {k: v for k, v in OBSERVED.items() if k.encode() != field}
    bad = json.dumps(rest).encode()[:-1] + b',"' + field + b'":' + number + b"}"
    verdict = judge(b"[" + json.dumps(OBSERVED).encode() + b"," + bad + b"]")
    assert len(verdict.events) == 1
    assert verdict.rejected[0].pointer == "/" + field.decode()


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"nope", b"{", b"[", b'{"a":NaN}', b"[NaN]", b"\xff\xfe{\x00}\x00", b"\xef\xbb\xbf{}", b"[{},]",
        b"[" * 100_000, b'{"a":' * 100_000, b'[{"queue":"\\ud800"}]', b'{"type":"queue.observed","id":"\xff"}',
    ],
)  # fmt: skip
def test_a_body_that_is_not_json_is_unparsable_as_a_whole(body: bytes) -> None:
    verdict = admit(body, Form.JSON, NOW_MS)
    assert isinstance(verdict, Unparsable)
    assert verdict.status == 400


def test_deep_nesting_in_a_dropped_key_is_no_way_in() -> None:
    deep = json.dumps(OBSERVED).encode()[:-1] + b',"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert isinstance(admit(deep, Form.JSON, NOW_MS), Unparsable)
    assert "nested" in judge(deep, Form.NDJSON).rejected[0].detail


@pytest.mark.parametrize("body", [b"null", b"3", b'"x"', b"true", b"[1]", b"[[]]", b'[null, "x"]', b"{}", b"[{}]"])
def test_json_that_is_no_event_is_refused_event_by_event(body: bytes) -> None:
    verdict = judge(body)
    assert not verdict.events
    assert verdict.rejected


def test_of_doubled_keys_the_last_one_counts() -> None:
    body = json.dumps(OBSERVED).encode()[:-1] + b',"waiting":7}'
    assert judge(body).events[0].waiting == 7  # type: ignore[attr-defined]


def test_too_many_events_are_too_large() -> None:
    for item in (OBSERVED, 1):
        verdict = admit(json.dumps([item] * (EVENTS_MAX + 1)).encode(), Form.JSON, NOW_MS)
        assert isinstance(verdict, Unparsable)
        assert verdict.status == 413


@pytest.mark.parametrize(
    ("content_type", "form"),
    [
        (b"", Form.JSON),
        (b"application/json", Form.JSON),
        (b"Application/JSON; charset=utf-8", Form.JSON),
        (b"application/x-ndjson", Form.NDJSON),
        (b"application/ndjson;charset=utf-8", Form.NDJSON),
        (b"text/plain", None),
        (b"application/jsonp", None),
        (b"\xff", None),
    ],
)
def test_the_form_of_a_body_is_told_by_its_content_type(content_type: bytes, form: Form | None) -> None:
    assert form_of(content_type) is form


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3)
)
fields = st.sampled_from(["type", "id", "ts", "queue", "agent", "contact", "waiting", "wait_s", "state", "text", "x"])
events = st.one_of(
    st.just(OBSERVED),
    st.just(HANDLED | {"handle_time_s": 3}),
    st.dictionaries(fields, json_values, max_size=5).map(lambda extra: OBSERVED | extra),
    json_values,
)


@given(st.lists(events, max_size=8), st.sampled_from(Form))
@settings(max_examples=300, deadline=None)
def test_accepted_and_rejected_together_are_what_was_sent(sent: list[Any], form: Form) -> None:
    if form is Form.JSON:
        # NaN and Infinity are not JSON; as a body of their own they are tested above.
        body = json.dumps(sent).replace("NaN", "0").replace("Infinity", "0").encode()
    else:
        body = b"\n".join(json.dumps(event).encode() for event in sent)
    if not sent:
        return
    verdict = admit(body, form, NOW_MS)
    if isinstance(verdict, Unparsable):  # a lone surrogate that `json` lets through
        assert form is Form.JSON
        return
    assert len(verdict.events) + len(verdict.rejected) == len(sent)
    assert len(verdict.events) == len(verdict.ts_ms)
    assert len(verdict.rejected) == len(verdict.refused)
    assert all(why.pointer == "" or why.pointer[0] == "/" for why in verdict.rejected)


@given(st.binary(max_size=60), st.sampled_from(Form))
@settings(max_examples=300, deadline=None)
def test_no_bytes_make_admission_fail(body: bytes, form: Form) -> None:
    admit(body, form, NOW_MS)


def test_the_rejects_record_keeps_no_personal_data() -> None:
    event = {
        "type": "contact.offered", "id": "secret-id", "ts": 5, "contact": "secret-contact", "queue": "billing",
        "caller": "+49301234567", "issue": "secret-issue", "surprise": "secret-surprise", "channel": "secret-channel",
        "transcript": ["secret"], "n": None, "wait_s": 3.5,
    }  # fmt: skip
    why = Rejected(4, "/transcript", "because")
    record = msgspec.json.decode(reject_record("acme", NOW_MS, why, json.dumps(event).encode()))
    assert record["values"] == {"type": "contact.offered", "ts": 5, "queue": "billing", "wait_s": 3.5}
    assert record["fields"]["caller"] == {"type": "string", "size": 12}
    assert record["fields"]["transcript"] == {"type": "array", "size": 1}
    assert (record["tenant"], record["at_ms"], record["index"], record["pointer"]) == ("acme", NOW_MS, 4, "/transcript")
    text = msgspec.json.encode(record)
    assert b"secret" not in text
    assert b"4930" not in text


@pytest.mark.parametrize("item", [b'"+49301234567"', b"+49301234567 {", b"[" * 5000])
def test_what_is_no_object_is_kept_as_size_and_digest(item: bytes) -> None:
    for data in (reject_record("acme", NOW_MS, Rejected(0, "", "why"), item), body_record("acme", NOW_MS, "why", item)):
        record = msgspec.json.decode(data)
        assert record["bytes"] == len(item)
        assert len(record["digest"]) == 32
        assert b"4930" not in data


VENDORS = {
    "RecordingUrl": "https://a.example/r.wav",  # Twilio's name for a recording, and so on
    "RecordingSid": "RE0",
    "TranscriptionText": "hello",
    "sentimentScore": -0.7,
    "agentSentiment": "NEGATIVE",
    "Transcript": [],
    "heartRate": 90,
    "keyPresses": 400,
    "mouseMovements": [1],
    "screenRecording": "x",
    "facialExpression": "x",
    "Biometrics": {"a": 1},
    "MessageBody": "hello",
    "stress_level": 3,
}


@pytest.mark.parametrize("key", sorted(VENDORS))
def test_a_refused_key_is_known_in_the_spellings_of_vendors(key: str) -> None:
    assert refusal(OBSERVED | {key: VENDORS[key]})[0] == "/" + key
    assert [why.pointer for why in judge([OBSERVED, OBSERVED | {key: VENDORS[key]}]).rejected] == ["/" + key]


def test_what_an_unknown_object_holds_is_dropped_unread() -> None:
    nested = OBSERVED | {"attributes": {"transcript": "secret words", "inner": {"sentiment": -1}}}
    (event,) = judge(nested).events
    assert b"secret" not in json.dumps(to_builtins(event)).encode()
