"""A golden JSON of each frame and body: what clients in the field rely on, byte for byte."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from notify_house import alert, signals

from services.notify.core import frames
from services.notify.core.alerts import Change, read_change
from services.notify.core.board import View
from services.notify.core.scope import Scope
from services.notify.core.verbs import VERBS, wish
from services.notify.problems import problem_body
from shared.contract import audit, own
from shared.contract import frames as contract
from shared.contract.alerts import Alert, encode_alert
from shared.contract.entries import EntryId
from shared.contract.frames import encode
from shared.contract.signals import DriverShare, encode_signals

GOLDEN = Path(__file__).parent / "golden"
SCOPE = Scope.of("acme", ["team-a", "team-b"], "lead")
EPOCH, CURSOR, NOW_MS = "4f1c9a27", EntryId(1_769_846_400_000, 3 << 20), 1_769_846_400_250


def change() -> Change:
    return read_change(CURSOR, encode_alert(alert()))


def board(scope: Scope = SCOPE) -> View:
    view = View(NOW_MS, encode_signals(signals(NOW_MS)))
    for _ in view.build(scope):
        pass
    return view


def payload(frame: frames.Frame) -> bytes:
    """The JSON inside a websocket message."""
    return bytes(frames.payload_of(frame.message))


def page() -> bytes:
    raw = [frames.raw_alert(change())]
    return encode(contract.AlertPage(alerts=raw, next=str(CURSOR), epoch=EPOCH, cursor=str(CURSOR)))


ME = own.Me(
    sub="kim", tenant="acme", teams=["team-a"], role="lead", agent=None, zone="Europe/Madrid", may=["board", "close"]
)  # fmt: skip
OWN = own.OwnAgent(
    id="ann",
    team="team-a",
    strain=40.0,
    drivers=[DriverShare("occupancy", 40.0, 0.97, "ratio")],
    state="on_contact",
    break_min=12,
    at="2026-01-31T08:00:00.250Z",
    data_age_s=1.5,
    stored=[own.Stored("Your strain each minute", "每分钟的负荷", 93_600), own.Stored("Your usual", "你的常态", None)],
    check_in_at=None,
)
SIGN_IN = own.SignInWays(own.Oidc("https://id.example", "page", "openid profile"))
AUDIT = audit.AuditPage(
    records=[
        audit.AuditRecord(
            at="2026-01-31T08:00:00.250Z",
            tenant="acme",
            sub="kim",
            role="lead",
            action="acknowledge",
            subject=audit.AuditSubject("alert", "a-1"),
            team="north",
            about="queue",
            outcome=200,
            address="192.0.2.7",
        )
    ],
    next="1769846400250-0",
)

SENT: dict[str, tuple[Callable[[], bytes], Any]] = {
    "hello": (lambda: payload(frames.first_hello(SCOPE, EPOCH, CURSOR)), contract.Hello),
    "hello_recovered": (lambda: payload(frames.recovered_hello(SCOPE, EPOCH, CURSOR)), contract.Hello),
    "hello_replacing": (lambda: payload(frames.replacing_hello(SCOPE, EPOCH, CURSOR, [change()])), contract.Hello),
    "board": (lambda: payload(board().frame(SCOPE, EPOCH, CURSOR, NOW_MS)), contract.BoardFrame),
    "alert": (lambda: payload(frames.alert_frame(change(), EPOCH)), contract.AlertFrame),
    "goodbye": (
        lambda: payload(frames.goodbye_frame(frames.RESTARTING)),
        contract.Goodbye,
    ),
    "problem": (
        lambda: payload(frames.problem_frame("kim was first.", status=409, alert="a-1")),
        contract.Problem,
    ),
    "body_alert": (lambda: change().data, Alert),
    "body_alerts": (page, contract.AlertPage),
    "body_board": (lambda: board().body(SCOPE, EPOCH, CURSOR, NOW_MS), contract.Board),
    "body_me": (lambda: encode(ME), own.Me),
    "body_own-agent": (lambda: encode(OWN), own.OwnAgent),
    "body_sign-in": (lambda: encode(SIGN_IN), own.SignInWays),
    "body_audit-page": (lambda: encode(AUDIT), audit.AuditPage),
    "body_problem": (lambda: problem_body(409, "kim was first."), contract.ProblemDetails),
}  # fmt: skip
RECEIVED: dict[str, contract.ClientFrame] = {
    "authenticate": contract.Authenticate(token="eyJhbGciOiJIUzI1NiJ9.e30.signature"),
    "resume": contract.Resume(epoch=EPOCH, cursor=str(CURSOR)),
    "acknowledge": contract.Acknowledge(alert="a-1", note="On it"),
    "assign": contract.Assign(alert="a-1", to="kim"),
    "snooze": contract.Snooze(alert="a-1", for_s=600),
    "close": contract.Close(alert="a-1", note="The storm is over"),
    "note": contract.AddNote(alert="a-1", text="Two agents on their way"),
}


def golden(name: str) -> bytes:
    return (GOLDEN / f"{name}.json").read_bytes().strip()


@pytest.mark.parametrize("name", SENT)
def test_what_is_sent_is_the_golden_sample(name: str) -> None:
    made, type_ = SENT[name]
    assert made() == golden(name)
    assert msgspec.json.encode(msgspec.json.decode(made(), type=type_)) == golden(name)


@pytest.mark.parametrize("name", RECEIVED)
def test_what_clients_send_is_understood(name: str) -> None:
    frame = RECEIVED[name]
    assert msgspec.json.decode(golden(name), type=contract.AnyClientFrame) == frame
    assert json.loads(golden(name)) == json.loads(encode(frame))


def test_every_frame_of_the_contract_has_a_sample() -> None:
    tags = {frame.__struct_config__.tag for frame in contract.CLIENT_FRAMES}
    assert tags == set(RECEIVED)
    assert {"hello", "board", "alert", "goodbye", "problem"} <= set(SENT)
    assert {path.stem for path in GOLDEN.glob("*.json")} >= {*SENT, *RECEIVED}


@pytest.mark.parametrize("verb", VERBS)
def test_a_body_stands_for_the_frame(verb: str) -> None:
    frame = json.loads(golden(verb))
    body = {name: value for name, value in frame.items() if name not in ("kind", "alert")}
    assert wish(verb, "a-1", json.dumps(body).encode()) == RECEIVED[verb]
    assert wish(verb, "a-1", json.dumps({**frame, "alert": "other", "kind": "close"}).encode()) == RECEIVED[verb]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_text_frames_say_how_long_they_are(size: int) -> None:
    message = frames.text_head(size) + b"x" * size
    assert frames.payload_of(message) == b"x" * size
    assert message[0] == 0x81


def test_the_board_keeps_the_time_of_its_signals_and_shows_the_top_cursor() -> None:
    view = board()
    old = json.loads(view.body(SCOPE, EPOCH, CURSOR, NOW_MS))
    later = json.loads(view.body(SCOPE, EPOCH, EntryId(CURSOR.ms + 1, 0), NOW_MS + 3_600_000))
    assert old["at"] == later["at"] == "2026-01-31T08:00:00.250Z"
    assert later["cursor"] == "1769846400001-0"
    assert view.frame(SCOPE, EPOCH, CURSOR, 0) is view.frame(Scope.of("acme", SCOPE.teams, "admin"), EPOCH, CURSOR, 0)
