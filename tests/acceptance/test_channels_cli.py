"""`strainwatch channels` as a person uses it."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import standardwebhooks

SECRET = "whsec_" + "QUJD" * 8


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    code = "from tools.cli import main; main()"
    root = Path(__file__).resolve().parents[2]
    environment = {**{k: v for k, v in os.environ.items() if not k.startswith("STRAINWATCH_")}, "PYTHONPATH": str(root)}
    return subprocess.run(
        [sys.executable, "-c", code, "channels", *arguments],
        capture_output=True, text=True, timeout=120, cwd=cwd, env=environment, check=False,
    )  # fmt: skip


@pytest.fixture
def hook() -> Iterator[tuple[int, list[tuple[dict[str, str], bytes]]]]:
    seen: list[tuple[dict[str, str], bytes]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            seen.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1], seen
    server.shutdown()
    thread.join()
    server.server_close()


def write(folder: Path, port: int, private: bool = True) -> Path:
    path = folder / "channels.toml"
    path.write_text(
        f'[channels.ops]\ntype = "webhook"\nurl = "http{"" if private else "s"}://127.0.0.1:{port}/hidden"\n'
        f'secret = "{SECRET}"\nallow_private = {str(private).lower()}\n[[routes]]\nchannel = "ops"\n'
    )
    return path


def test_a_good_file_is_told_to_be_good_and_a_test_message_is_sent(
    tmp_path: Path, hook: tuple[int, list[tuple[dict[str, str], bytes]]]
) -> None:
    port, seen = hook
    ended = run("check", "--channels", str(write(tmp_path, port)), "--send-test", "ops", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "ops\twebhook\t1 route\n"
    [(headers, body)] = seen
    said = standardwebhooks.Webhook(SECRET).verify(body, headers)
    assert said["type"] == "channel.test"
    assert json.loads(body)["data"]["title"] == "Test message from Strainwatch"


def test_a_test_message_that_cannot_be_sent_ends_with_the_reason(tmp_path: Path) -> None:
    path = write(tmp_path, 9, private=False)
    ended = run("check", "--channels", str(path), "--send-test", "ops", cwd=tmp_path)
    assert ended.returncode == 1
    assert "allow_private" in ended.stderr
    assert "hidden" not in ended.stderr


def test_every_fault_of_a_file_is_listed(tmp_path: Path) -> None:
    path = tmp_path / "channels.toml"
    path.write_text('[channels.ops]\ntype = "pigeon"\n[[routes]]\nchannel = "op"\n')
    ended = run("check", "--channels", str(path), cwd=tmp_path)
    assert ended.returncode == 2
    assert "channels.ops.type" in ended.stderr
    assert "routes[0].channel" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_without_a_file_it_says_where_to_name_one(tmp_path: Path) -> None:
    ended = run("check", cwd=tmp_path)
    assert ended.returncode == 2
    assert "STRAINWATCH_CHANNELS" in ended.stderr


def test_a_new_secret_is_one_that_the_file_takes(tmp_path: Path) -> None:
    ended = run("secret", cwd=tmp_path)
    path = write(tmp_path, 9)
    path.write_text(path.read_text().replace(SECRET, ended.stdout.strip()))
    assert run("check", "--channels", str(path), cwd=tmp_path).returncode == 0


def test_status_and_what_was_set_aside_are_shown_on_a_new_log(tmp_path: Path) -> None:
    path = write(tmp_path, 9)
    ended = run("status", "--channels", str(path), cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == ["channel\twaiting\tset aside\tstate", "ops\t0\t0\ton"]
    assert run("aside", cwd=tmp_path).stdout == ""
