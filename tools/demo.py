"""`strainwatch demo`: everything in this process, with a simulated contact centre that posts over HTTP like an ACD."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Mapping
from dataclasses import replace

from services.scoring.core.parameters import check_settings
from services.scoring.scorer import SettingsConflict
from shared.access import DEMO_KEY, demo_key_record
from shared.lifecycle import Stop
from shared.settings import BadSetup, settings_of
from tools.centre import MORNING, MORNING_H
from tools.demo_token import demo_token
from tools.health import Unhealthy, check
from tools.serve import serve
from tools.serve_setup import Setup, read_setup
from tools.simulate import simulate

AGENTS = 24
READY_AGAIN_S = 0.1
READY_ASKED_MAX = 300
"""Half a minute, where a start takes a second or two: then the morning is sent all the same, and the fault shows."""

SETTINGS = """\
# A demo is watched for minutes, so its holds are short; a centre's are longer (see the defaults). Its contact centre
# tells at the start what happened since early morning, which is not late.
lateness_s = 14400
revision = 2  # raise it with each change below: logs of older demos hold the older text
[tenants.demo.alerts."queue.strain"]
open_hold_s = 5
close_hold_s = 20
[tenants.demo.alerts."agent.strain"]
open_hold_s = 5
close_hold_s = 30
"""


def demo(variables: Mapping[str, str], *, port: int | None, seconds: float | None) -> None:
    """Serve the demo until a signal comes, or for some seconds of serving. Raises as `serve`, and BadSetup."""
    now_ms = time.time_ns() // 1_000_000
    setup = read_setup(variables, now_ms=now_ms, port=port)
    ours = setup.settings is None
    if ours:
        document = settings_of(SETTINGS.encode(), check=check_settings, now_ms=now_ms)
        setup = replace(setup, settings=document)
    # Everybody knows the demo's key, so it is good in this process and is never written to a log.
    setup = replace(setup, own_keys=(demo_key_record(),))
    try:
        serve(setup, _Demo(setup, seconds))
    except SettingsConflict:
        if not ours:
            raise
        where, variable = f"{setup.environment.data_dir}", "STRAINWATCH_DATA_DIR"
        if setup.environment.redis_url is not None:
            where, variable = "the store", "STRAINWATCH_REDIS_URL"
        told = f"{where} holds a log with settings of its own; give the demo one of its own"
        raise BadSetup([f"{variable}: {told}"]) from None


class _Demo:
    """What the demo adds to the services: its key, its banner, its contact centre."""

    def __init__(self, setup: Setup, seconds: float | None) -> None:
        self._setup = setup
        self._seconds = seconds

    async def run(self, stop: Stop) -> None:
        """See Company."""
        host = self._setup.host
        host = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 only compared
        address = f"http://{f'[{host}]' if ':' in host else host}:{self._setup.port}"
        print(_banner(address, demo_token(self._setup.jwt_secret), self._seconds), flush=True)
        try:
            async with asyncio.timeout(self._seconds):
                await _ready(host, self._setup.port)
                # Another seed at each start, so that no day is seen twice.
                seed = time.time_ns()
                await simulate(address, DEMO_KEY, seed=seed, agents=AGENTS, scenario=MORNING, clock_h=MORNING_H)
        except TimeoutError:
            stop.ask("the time of the demo is over")


async def _ready(host: str, port: int) -> None:
    """Wait until the settings are in force: before, the events of the morning would be late."""
    for _ in range(READY_ASKED_MAX):
        with contextlib.suppress(Unhealthy):
            if await asyncio.to_thread(check, (port,), "/readyz", host):
                return
        await asyncio.sleep(READY_AGAIN_S)


def seconds_of(variables: Mapping[str, str]) -> float | None:
    """`DEMO_SECONDS`: how long to serve; None for ever. Raises BadSetup."""
    given = variables.get("DEMO_SECONDS", "")
    if not given:
        return None
    try:
        seconds = float(given)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise BadSetup([f"DEMO_SECONDS: must be a number of seconds, is {given!r}"])
    return seconds


def _banner(address: str, token: str, seconds: float | None) -> str:
    event = (
        '{"type":"queue.observed","id":"try-\'$(date +%s)\'","ts":\'$(date +%s)000\',"queue":"support",'
        '"waiting":40,"longest_wait_s":600,"agents_staffed":5}'
    )
    until = f"It ends by itself after {seconds:g} s." if seconds is not None else "Ctrl-C ends it."
    return f"""
Strainwatch is watching a simulated contact centre ({AGENTS} agents, 4 queues). {until}

  The team lead's page:
    {address}/#token={token}

  Be the ACD and report a queue of your own:
    curl {address}/v1/events -H 'Authorization: Bearer {DEMO_KEY}' \\
      -H 'Content-Type: application/json' -d '{event}'

  All interfaces: {address}/docs
"""
