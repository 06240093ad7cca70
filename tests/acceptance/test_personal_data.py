"""What must not be found where it does not belong: callers' numbers, names in refused fields, notes, keys, tokens.

A whole system runs as a process, is given all of them in good and in bad requests, and then everything that it wrote or
answers is searched.
"""

from __future__ import annotations

import http.client
import json
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running import STRAINWATCH, WAIT_S, eventually, free_port, get, json_of, ready, started, strainwatch
from websockets.sync.client import connect

CALLERS = [f"+3461{n}55017{n}9" for n in range(8)]
NAME = "Wilhelmina-Planted-Person"
TRANSCRIPT = "planted-transcript-of-a-call"
NOTE = "planted-note-of-a-lead"
PASSWORD = "planted-password"
JWT_SECRET = "planted-secret-for-tokens-of-more-than-32-bytes"
CALLER_SECRET = "planted-secret-for-callers-of-more-than-32-bytes"
SETTINGS = """
revision = 1
[alerts."queue.strain"]
open_line = 5
open_hold_s = 0
close_line = 1
"""


def forms(number: str) -> list[bytes]:
    """A caller's number however it may be written down."""
    digits = number.removeprefix("+")
    return [
        number.encode(),
        digits.encode(),
        digits[2:].encode(),
        digits.encode("utf-16-le"),
        digits.encode().hex().encode(),
    ]


class Line:
    """The running system, and everything that it said."""

    def __init__(self, port: int, data_dir: Path) -> None:
        self.port, self.data_dir = port, data_dir
        self.key = strainwatch(
            data_dir, "keys", "create", "--tenant", "acme", STRAINWATCH_JWT_SECRET=JWT_SECRET
        ).stdout.strip()
        command = ["token", "--tenant", "acme", "--teams", "*", "--role", "supervisor", "--sub", "lead-1"]
        self.token = strainwatch(data_dir, *command, STRAINWATCH_JWT_SECRET=JWT_SECRET).stdout.strip()
        self.said: dict[str, bytes] = {}
        """Where -> what it answered there."""

    def ask(self, method: str, path: str, body: bytes | None = None, by: str = "", **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, {"Authorization": f"Bearer {by}"} | headers if by else headers)
            answer = connection.getresponse()
            data = answer.read()
            self.said[f"{method} {path} {len(self.said)}"] = data + repr(answer.getheaders()).encode()
            return answer.status, data
        finally:
            connection.close()

    def post(self, *events: Any, kind: str = "application/json") -> int:
        body = json.dumps(list(events)).encode() if kind == "application/json" else b"".join(events)
        return self.ask("POST", "/v1/events", body, self.key, **{"Content-Type": kind})[0]


def now_ms() -> int:
    return int(time.time() * 1000)


def good(n: int, caller: str) -> list[dict[str, Any]]:
    """A contact of a caller who waits long."""
    contact = {"contact": f"c-{n}", "queue": "billing", "ts": now_ms(), "caller": caller, "issue": "refund"}
    return [
        {"type": "contact.offered", "id": f"o-{n}", **contact},
        {"type": "contact.handled", "id": f"h-{n}", **contact, "agent": "ann", "handle_time_s": 900, "wait_s": 700},
        {"type": "queue.observed", "id": f"q-{n}", "queue": "billing", "ts": now_ms(), "waiting": 60 + n,
         "longest_wait_s": 1900, "agents_staffed": 1},
    ]  # fmt: skip


def bad(caller: str) -> Iterator[dict[str, Any] | bytes]:
    """Requests that are refused, with what may not be kept in each place where something could be."""
    base = {
        "type": "contact.handled",
        "id": "b",
        "ts": now_ms(),
        "contact": "c-bad",
        "queue": "billing",
        "agent": "ann",
    }
    yield base | {"handle_time_s": -1, "caller": caller}
    yield base | {"handle_time_s": 10, "caller": caller, "transcript": TRANSCRIPT}
    yield base | {"handle_time_s": 10, "caller": [caller, NAME]}
    yield base | {"handle_time_s": 10, "caller": {"name": NAME, "number": caller}}
    yield base | {"handle_time_s": caller, "agent": {"name": NAME}}
    yield base | {"handle_time_s": 10, "sentiment": NAME, "notes": TRANSCRIPT}
    yield base | {"handle_time_s": 10, "outcome": caller}
    yield base | {"handle_time_s": 10, "channel": {"number": caller}}
    yield f'{{"type":"contact.offered","caller":"{caller}", "name": "{NAME}" broken'.encode()
    yield f"caller={caller}&name={NAME}".encode()


def scored(line: Line) -> dict[str, Any] | None:
    alerts = json_of(get(line.port, "/v1/alerts", line.token))["alerts"]
    return alerts[0] if alerts else None


def test_nothing_personal_and_nothing_secret_is_found_where_it_does_not_belong(tmp_path: Path) -> None:
    port, settings = free_port(), tmp_path / "settings.toml"
    settings.write_text(SETTINGS)
    channels = tmp_path / "channels.toml"
    channels.write_text(
        '[channels.gone]\ntype = "webhook"\n'
        f'url = "https://user:{PASSWORD}@gone.invalid/{PASSWORD}"\nsecret = "whsec_{"cGxhbnRlZA" * 4}"\n'
        '[[routes]]\nchannel = "gone"\nphases = "*"\n'
    )
    command = [STRAINWATCH, "serve", "all", "--port", str(port), "--settings", str(settings)]
    variables = {"STRAINWATCH_JWT_SECRET": JWT_SECRET, "STRAINWATCH_CALLER_SECRET": CALLER_SECRET}
    checked = strainwatch(tmp_path, "channels", "check", "--channels", str(channels))
    if checked.returncode == 0:
        command += ["--channels", str(channels)]
    with started(command, tmp_path, **variables) as serve:
        eventually(ready(port), "the services to be ready")
        line = Line(port, tmp_path)
        frames: list[str] = []
        headers = {"Authorization": f"Bearer {line.token}"}
        eventually(lambda: line.post(*good(0, CALLERS[0])) == 202, "the first events to be taken")
        with connect(f"ws://127.0.0.1:{port}/v1/feed", additional_headers=headers, proxy=None) as feed:
            for n, caller in enumerate(CALLERS[1:], 1):
                assert line.post(*good(n, caller)) == 202
            for wrong in bad(CALLERS[3]):
                status = line.post(wrong, kind="application/x-ndjson") if isinstance(wrong, bytes) else line.post(wrong)
                assert status in (202, 400, 422), wrong  # 202: the key is one that nobody knows, and is dropped
            line.ask("POST", f"/v1/events?caller={CALLERS[0][1:]}", b"{}", "sk_x_" + PASSWORD)
            line.ask("GET", f"/v1/board?token={PASSWORD}", by=PASSWORD)
            line.ask("GET", f"/{PASSWORD}/{CALLERS[1][1:]}")
            alert = eventually(lambda: scored(line), "an alert")
            note = json.dumps({"note": NOTE}).encode()
            status, _ = line.ask("POST", f"/v1/alerts/{alert['id']}/acknowledge", note, line.token)
            assert status in (200, 202)
            until_s = time.monotonic() + WAIT_S
            while time.monotonic() < until_s and NOTE not in "".join(frames):
                frames.append(str(feed.recv(timeout=WAIT_S)))
            feed.send(json.dumps({"kind": "authenticate", "token": PASSWORD}))
        for path in (
            "/metrics",
            "/openapi.json",
            "/readyz",
            "/v1/audit",
            "/v1/board",
            "/v1/history?type=queue&id=billing",
        ):
            line.ask("GET", path, by=line.token)
        rejects = strainwatch(tmp_path, "rejects", "list", "--tenant", "acme").stdout
        exported = strainwatch(tmp_path, "log", "export").stdout
        kept = b"".join(
            file.read_bytes()
            for file in tmp_path.rglob("*")
            if file.is_file() and file.stat().st_size and "appendonly" in str(file)
        )
        assert kept, "the store's file"
        serve.send_signal(signal.SIGTERM)
        out, err = serve.communicate(timeout=WAIT_S)

    process_log = (out + err).encode()
    places = {
        "the process's log": process_log, "the store's files": kept, "rejects": rejects.encode(),
        "the exported log": exported.encode(), "frames": "".join(frames).encode(), **line.said,
    }  # fmt: skip
    found = [
        f"{number} in {place}"
        for place, data in places.items() for number in CALLERS for form in forms(number) if form in data
    ]  # fmt: skip
    found += [
        f"{text} in {place}" for place, data in places.items() for text in (NAME, TRANSCRIPT) if text.encode() in data
    ]
    secrets = (PASSWORD, JWT_SECRET, CALLER_SECRET, line.key, line.token, line.key.split("_")[2])
    found += [f"a secret in {place}" for place, data in places.items() for text in secrets if text.encode() in data]
    assert not found
    with_note = {place for place, data in places.items() if NOTE.encode() in data}
    assert with_note >= {"the store's files", "frames"}
    assert not with_note & {"the process's log", "rejects"}
    assert not [place for place in with_note if re.search("metrics|audit|openapi|readyz", place)]
    assert b"Traceback" not in process_log


@pytest.mark.parametrize("wrong", [{}, {"STRAINWATCH_PORT": "x"}])
def test_a_start_tells_no_secret_whether_it_goes_well_or_not(tmp_path: Path, wrong: dict[str, str]) -> None:
    secrets = {
        "STRAINWATCH_JWT_SECRET": JWT_SECRET,
        "STRAINWATCH_CALLER_SECRET": "short-planted",
        "STRAINWATCH_REDIS_URL": f"redis://user:{PASSWORD}@127.0.0.1:{free_port()}/0",
    }
    ended = strainwatch(tmp_path, "serve", **secrets, **wrong)
    assert ended.returncode != 0
    for secret in (JWT_SECRET, "short-planted", PASSWORD):
        assert secret not in ended.stdout + ended.stderr
