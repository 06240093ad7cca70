"""`strainwatch watch` as a process: how it ends, and what it writes where."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from running import STRAINWATCH, WAIT_S, free_port, started, strainwatch


def test_ctrl_c_ends_it_cleanly(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    command = [STRAINWATCH, "watch", "--url", url, "--language", "en"]
    with started(command, tmp_path, STRAINWATCH_TOKEN="x.y.z") as process:
        assert process.stdout is not None
        while "NOT CONNECTED" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=WAIT_S)
        assert (process.returncode, said) == (130, "")


def test_without_a_server_it_says_so_and_goes_on(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("x.y.z\n")
    done = strainwatch(
        tmp_path,
        *("watch", "--url", f"http://127.0.0.1:{free_port()}", "--seconds", "2", "--language", "zh-CN"),
        STRAINWATCH_TOKEN_FILE=str(token),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("未连接") >= 2
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "variables", "told"),
    [
        ([], {}, "token is needed"),
        (["--token", "two words"], {}, "no token has"),
        (["--token", "x", "--url", "strain.example"], {}, "no web address"),
        (["--token", "x", "--team", ""], {}, "--team"),
    ],
)
def test_a_wrong_setup_ends_with_2(tmp_path: Path, arguments: list[str], variables: dict[str, str], told: str) -> None:
    done = strainwatch(tmp_path, "watch", *arguments, **variables)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
