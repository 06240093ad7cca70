"""The generated files are those of the contract, and every golden event is what the contract, block and schema say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import jsonschema
import msgspec
import pytest

from shared.contract import events, rows
from shared.contract.block import decode_block, encode_block
from shared.contract.frames import AlertPage, AnyClientFrame, AnyServerFrame
from shared.contract.hashes import TenantHashes
from tools import contract_gen, contract_schema

GOLDEN = Path(__file__).parent / "golden"
EVENTS = sorted((GOLDEN / "events").glob("*.json"))
HASHES = TenantHashes("acme", b"secret of the test")

KEPT_UNDER_ANOTHER_NAME = {"team": "other", "department": "other", "by": "other", "previous_contact": "previous"}
HASHED = {"contact", "caller", "previous"}
NOT_DESCRIBED = {"channel", "direction", "opportunity", "visit_avoided", "talk_s", "hold_s", "acw_s"}
"""In the flags of the row, or summed up in the handle time."""


def test_what_is_generated_is_up_to_date() -> None:
    assert contract_gen.stale() == [], "run `make contract`"


def test_a_changed_file_and_a_file_too_many_are_noticed_and_put_right(tmp_path: Path) -> None:
    contract_gen.write(tmp_path)
    (tmp_path / contract_gen.TYPES).write_text("export type Alert = never;\n")
    (tmp_path / contract_gen.SCHEMA / "gone.schema.json").write_text("{}")

    wrong = ["services/notify/web/src/contract.ts", "shared/contract/schema/gone.schema.json"]
    assert contract_gen.stale(tmp_path) == wrong
    assert contract_gen.write(tmp_path) == wrong
    assert contract_gen.stale(tmp_path) == []


def test_there_is_a_golden_event_of_each_type() -> None:
    assert {path.stem for path in EVENTS} == set(events.KINDS)


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_a_golden_event_is_good_and_comes_out_of_a_block_as_it_went_in(path: Path) -> None:
    sent = json.loads(path.read_text())
    event = events.event_decoder().decode(path.read_bytes())
    assert sent["type"] == path.stem

    row = rows.row_of(event, "acme", events.ts_to_ms(event.ts), HASHES)
    seen = rows.describe(decode_block(encode_block([row])), 0)

    assert seen.pop("tenant") == "acme"
    assert seen.pop("ts") == events.ts_to_ms(sent["ts"])
    assert seen == _expected(sent)


def _expected(sent: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in sent.items():
        name = KEPT_UNDER_ANOTHER_NAME.get(key, key)
        if name in HASHED:
            hashed = HASHES.caller(value) if name == "caller" else HASHES.contact(value)
            out[name] = f"{hashed:016x}"
        elif name not in NOT_DESCRIBED and value is not False and key != "ts":
            out[name] = value
    if sent["type"] == "contact.handled":
        out["handle_time_s"] = sent["talk_s"] + sent["hold_s"] + sent["acw_s"]
    return out


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_a_golden_event_fits_the_schema_and_a_broken_one_does_not(path: Path) -> None:
    schema = jsonschema.Draft202012Validator(contract_schema.events_schema())
    sent = json.loads(path.read_text())

    schema.validate(sent)
    assert not schema.is_valid({**sent, "sentiment": "negative"})
    assert not schema.is_valid({**sent, "type": "call.started"})
    assert not schema.is_valid({key: value for key, value in sent.items() if key != "id"})
    assert schema.is_valid({**sent, "an_unknown_key": 1})


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_schema_and_decoder_agree_on_which_fields_an_event_needs(path: Path) -> None:
    schema = jsonschema.Draft202012Validator(contract_schema.events_schema())
    decoder = events.event_decoder()
    sent = json.loads(path.read_text())
    for left_out in sent:
        rest = {key: value for key, value in sent.items() if key != left_out}
        try:
            decoder.decode(msgspec.json.encode(rest))
            decoded = True
        except msgspec.ValidationError:
            decoded = False
        assert schema.is_valid(rest) == decoded, left_out


def test_schemas_and_asyncapi_are_well_formed() -> None:
    for path, text in contract_gen.generated().items():
        if path.name.endswith(".schema.json"):
            jsonschema.Draft202012Validator.check_schema(json.loads(text))
    feed = json.loads(contract_gen.generated()[contract_gen.SCHEMA / "feed.asyncapi.json"])
    for reference in _references(feed):
        place: Any = feed
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def _references(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if "$ref" in part else []
        return own + [found for value in part.values() for found in _references(value)]
    return [found for value in part for found in _references(value)] if isinstance(part, list) else []


BODIES = {"alert": contract_schema.alert_schema(), "alerts": contract_schema.body_schema("alert-page", AlertPage)} | {
    name: contract_schema.body_schema(name, body) for name, body in contract_schema.BODIES.items()
}
FRAMES = [
    path
    for path in GOLDEN.glob("*.json")
    if not path.stem.startswith("body_") and "kind" in json.loads(path.read_text())
]


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("body_*.json")), ids=lambda path: path.stem)
def test_a_golden_body_fits_its_schema(path: Path) -> None:
    jsonschema.Draft202012Validator(BODIES[path.stem.removeprefix("body_")]).validate(json.loads(path.read_text()))


def test_golden_frames_fit_the_schemas_and_there_is_one_of_each() -> None:
    schemas = {
        _tag(frame): jsonschema.Draft202012Validator(schema)
        for schema, union in (
            (contract_schema.server_frames_schema(), AnyServerFrame),
            (contract_schema.client_frames_schema(), AnyClientFrame),
        )
        for frame in get_args(union)
    }
    seen = set()
    for path in FRAMES:
        frame = json.loads(path.read_text())
        schemas[frame["kind"]].validate(frame)
        seen.add(frame["kind"])
    assert seen == schemas.keys()


def _tag(frame: type) -> str:
    config: Any = frame.__struct_config__  # type: ignore[attr-defined]
    return str(config.tag)
