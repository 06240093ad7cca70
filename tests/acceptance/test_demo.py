"""The demo as a person starts it: it lives within seconds, alerts within a minute, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from running import (
    ROOT,
    STRAINWATCH,
    WAIT_S,
    alive,
    eventually,
    family,
    free_port,
    get,
    json_of,
    ready,
    started,
    strainwatch,
)
from websockets.sync.client import connect


def test_the_demo_shows_moving_scores_and_an_alert_and_ends_by_itself(tmp_path: Path) -> None:
    port = free_port()
    with started([STRAINWATCH, "demo", "--port", str(port)], tmp_path, DEMO_SECONDS="45") as demo:
        eventually(ready(port), "the demo to be ready")
        running = family(demo.pid)
        token = strainwatch(tmp_path, "token", "--demo").stdout.strip()

        page = get(port, "/")
        assert page is not None
        assert page[0] == 200
        assert b"Strainwatch" in page[1]
        assert "/v1/events" in json_of(get(port, "/openapi.json"))["paths"]

        boards, alerts = _listen(port, token)
        assert {queue["id"] for queue in boards[-1]["queues"]} >= {"billing", "cards", "technical", "accounts"}
        assert _strains(boards[0]) != _strains(boards[-1])
        assert alerts[0]["alert"]["tenant"] == "demo"
        live = json_of(get(port, "/v1/alerts", token))["alerts"]
        assert "agent-02" in {alert["subject"]["id"] for alert in live if alert["kind"] == "agent.break_due"}

        banner, _ = demo.communicate(timeout=WAIT_S)
        assert demo.returncode == 0
        assert f"http://127.0.0.1:{port}/#token=" in banner
    assert not [process for process in running if alive(process)]


def _listen(port: int, token: str) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Frames of a lead's client up to the first alert and the first board whose scores have moved."""
    found: dict[str, list[dict[str, object]]] = {"board": [], "alert": []}
    with connect(f"ws://127.0.0.1:{port}/v1/feed", subprotocols=["strainwatch.v1"]) as feed:  # type: ignore[list-item]
        feed.send(json.dumps({"kind": "authenticate", "token": token}))
        hello = json.loads(feed.recv(timeout=WAIT_S))
        assert hello["kind"] == "hello"
        feed.send(json.dumps({"kind": "resume", "epoch": hello["epoch"], "cursor": "0-0"}))
        bound_s = time.monotonic() + WAIT_S
        while not (_moved(found["board"]) and found["alert"]) and time.monotonic() < bound_s:
            frame = json.loads(feed.recv(timeout=WAIT_S))
            found.setdefault(frame["kind"], []).append(frame)
            for alert in frame.get("alerts") or []:  # a hello that could not recover brings what is live
                found["alert"].append({"alert": alert})
    return found["board"], found["alert"]


def _moved(boards: list[dict[str, object]]) -> bool:
    return bool(boards) and _strains(boards[0]) != _strains(boards[-1])


def _strains(board: dict[str, Any]) -> list[float]:
    return [row["strain"] for row in board["queues"] + board["agents"]]


def test_the_curl_line_of_the_banner_works_as_printed(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("there is no curl on this machine")
    port = free_port()
    with started([STRAINWATCH, "demo", "--port", str(port)], tmp_path) as demo:
        eventually(ready(port), "the demo to be ready")
        assert demo.stdout is not None
        lines = [demo.stdout.readline() for _ in range(9)]
        first = next(number for number, line in enumerate(lines) if line.strip().startswith("curl "))
        done = subprocess.run(
            ["sh", "-c", "".join(lines[first : first + 2])], capture_output=True, text=True, timeout=WAIT_S
        )
        assert json.loads(done.stdout) == {"accepted": 1, "late": 0, "rejected": []}

        token = strainwatch(tmp_path, "token", "--demo").stdout.strip()

        def seen() -> bool:
            board = json_of(get(port, "/v1/board", token))
            return any(queue["id"] == "support" and queue["waiting"] == 40 for queue in board["queues"])

        eventually(seen, "the queue of the curl line on the board")


def test_a_second_start_goes_on_in_the_same_folder(tmp_path: Path) -> None:
    epochs = []
    for _ in range(2):
        port = free_port()
        with started([STRAINWATCH, "demo", "--port", str(port)], tmp_path) as demo:
            eventually(ready(port), "the demo to be ready")
            token = strainwatch(tmp_path, "token", "--demo").stdout.strip()
            board = eventually(lambda port=port, token=token: _board_with_agents(port, token), "agents on the board")
            epochs.append(board["epoch"])
            demo.send_signal(signal.SIGINT)
            assert demo.wait(WAIT_S) == 0
    assert epochs[0] == epochs[1]


def test_a_folder_with_other_settings_is_not_the_demos(tmp_path: Path) -> None:
    settings = tmp_path / "strainwatch.toml"
    settings.write_text("revision = 2\nlateness_s = 600\n")  # as high as the demo's
    port = free_port()
    with started([STRAINWATCH, "serve", "--port", str(port), "--settings", str(settings)], tmp_path) as serve:
        eventually(ready(port), "the services to be ready")
        serve.send_signal(signal.SIGTERM)
        assert serve.wait(WAIT_S) == 0

    refused = strainwatch(tmp_path, "demo", "--port", str(free_port()))

    assert refused.returncode == 2
    assert "STRAINWATCH_DATA_DIR" in refused.stderr


def _board_with_agents(port: int, token: str) -> dict[str, object] | None:
    board: dict[str, object] = json_of(get(port, "/v1/board", token))
    return board if board["agents"] else None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_is_left_whatever_ends_the_demo(tmp_path: Path, number: signal.Signals) -> None:
    port = free_port()
    with started([STRAINWATCH, "demo", "--port", str(port)], tmp_path) as demo:
        eventually(ready(port), "the demo to be ready")
        running = family(demo.pid)
        assert len(running) >= 3  # the demo, the guardian of the log server, the log server

        demo.send_signal(number)

        assert demo.wait(WAIT_S) == (0 if number != signal.SIGKILL else -number)
        eventually(lambda: not [process for process in running if alive(process)], "all processes to be gone")


def test_no_process_is_left_when_make_is_killed(tmp_path: Path) -> None:
    if shutil.which("make") is None:
        pytest.skip("there is no make on this machine")
    port = free_port()
    # What is set up already is not set up again: the tests run inside it.
    command = ["make", "-o", "setup", "-o", "page", "demo", f"BIN={Path(STRAINWATCH).parent}"]
    with started(command, tmp_path, STRAINWATCH_PORT=str(port)) as make:
        eventually(ready(port), "the demo to be ready")
        running = family(make.pid)

        os.kill(make.pid, signal.SIGKILL)
        make.wait(WAIT_S)

        eventually(lambda: not [process for process in running if alive(process)], "all processes to be gone")
    assert (ROOT / "Makefile").is_file()
