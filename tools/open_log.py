"""The log of an environment, opened: the store that is named, else the embedded server of the data folder."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import structlog

from shared.clock import SystemClock
from shared.embedded import EmbeddedServer, ensure_server
from shared.lifecycle import Stop, drain_in_order
from shared.log import Log, LogUnavailable, Retention, WrongPartitions
from shared.log_redis import open_redis_log
from shared.redis_address import parse_address
from shared.redis_confirm import Confirmation
from shared.settings import Environment

EMBEDDED_PARTITIONS = 1
"""Of a log that the embedded server creates. It is one machine for one organisation, most often; each partition more
costs a scorer that ticks every second."""
OPEN_WAIT_S = 30.0
"""How long a start waits for a store that does not answer: about what a store needs to start beside us."""
OPEN_PAUSE_S = 0.5
LOOK_S = 0.5
RESTART_PAUSE_S = (0.5, 15.0)
"""First and longest pause between two starts of the embedded server."""

_logger = structlog.get_logger(__name__)


class StoreMoved(RuntimeError):
    """The embedded server came back at another address than the one that clients know."""


@asynccontextmanager
async def open_log(environment: Environment, stop: Stop | None = None) -> AsyncIterator[Log | None]:
    """The log of this environment; the embedded server is started when there is no other, and looked after.

    Gives None when `stop` was asked for while the store did not answer yet.
    """
    server: EmbeddedServer | None = None
    if environment.redis_url is None:
        server = await asyncio.to_thread(ensure_server, environment.data_dir)
    url = server.url if server is not None else environment.redis_url or ""
    keeper: asyncio.Task[None] | None = None
    try:
        opening: Callable[[], Awaitable[Log]]
        if server is not None:
            opening = partial(_embedded, url, environment.partitions, environment.keep)
        else:
            opening = partial(
                open_redis_log,
                url,
                partitions=environment.partitions,
                retention=environment.keep,
                confirm=_confirmation(environment),
            )
        log = await _opened(url, opening, stop)
        if server is not None and stop is not None:
            keeper = asyncio.create_task(_keep_running(server, stop))
        try:
            yield log
        finally:
            if log is not None:
                await drain_in_order([("log", log.close)])
    finally:
        if keeper is not None:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
        if server is not None:
            await asyncio.to_thread(server.stop)


def _confirmation(environment: Environment) -> Confirmation | None:
    wanted = environment.confirm_replicas
    return Confirmation(wanted, environment.confirm_on == "disk") if wanted else None


async def _embedded(url: str, partitions: int | None, kept: Retention) -> Log:
    try:
        return await open_redis_log(url, partitions=partitions or EMBEDDED_PARTITIONS, retention=kept)
    except WrongPartitions:
        if partitions is not None:
            raise
        return await open_redis_log(url, retention=kept)  # it was created with another number, and keeps it


async def _opened(url: str, opening: Callable[[], Awaitable[Log]], stop: Stop | None) -> Log | None:
    clock = SystemClock()
    until_s = clock.steady_s() + (OPEN_WAIT_S if stop is not None else 0.0)
    said = False
    while stop is None or not stop.asked:
        try:
            return await opening()
        except LogUnavailable as fault:
            where = parse_address(url)
            if clock.steady_s() >= until_s:
                raise LogUnavailable(
                    f"The log store at {where} does not answer ({fault}). Start it, or set STRAINWATCH_REDIS_URL to "
                    "one that runs."
                ) from None
            if not said:
                said = True
                _logger.warning("log.away", store=str(where), fault=str(fault), waiting_s=OPEN_WAIT_S)
            await asyncio.sleep(OPEN_PAUSE_S)
    return None


async def _keep_running(server: EmbeddedServer, stop: Stop) -> None:
    """Start the embedded server again when it has died."""
    url, pause_s = server.url, RESTART_PAUSE_S[0]
    while True:
        await asyncio.sleep(LOOK_S)
        try:
            restarted = await asyncio.to_thread(server.restart_if_dead)
        except Exception as fault:
            _logger.error("embedded.down", fault=str(fault), again_in_s=pause_s)
            await asyncio.sleep(pause_s * random.uniform(0.8, 1.2))  # noqa: S311 not for secrets
            pause_s = min(2 * pause_s, RESTART_PAUSE_S[1])
            continue
        pause_s = RESTART_PAUSE_S[0]
        if restarted:
            _logger.warning("embedded.restarted")
        if server.url != url:
            stop.ask("moved", StoreMoved("The embedded log server came back on another port. Start again to go on."))
            return
