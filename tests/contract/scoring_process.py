"""A scoring process for tests that kill it: `python scoring_process.py REDIS_URL SETTINGS`. SIGTERM drains it."""

import asyncio
import signal
import sys
import time
from pathlib import Path

from prometheus_client import CollectorRegistry

from services.scoring.app import Scoring
from services.scoring.core.parameters import check_settings
from services.scoring.scorer import Timing
from shared.clock import SystemClock
from shared.log_redis import open_redis_log
from shared.settings import read_settings
from shared.telemetry import configure_logging


async def main(url: str, settings: Path) -> None:
    configure_logging("scoring", "warning")
    log = await open_redis_log(url)
    scoring = Scoring(
        log=log,
        clock=SystemClock(),
        registry=CollectorRegistry(),
        settings=read_settings(settings, check=check_settings, now_ms=time.time_ns() // 1_000_000),
        timing=Timing(lease_ms=1000, renew_s=0.3, claim_s=0.1, tick_ms=200, checkpoint_s=0.3),
    )
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await scoring.start()
    await stopped.wait()
    await scoring.drain()
    await log.close()


asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
