"""Bounded waits for a condition."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from inspect import isawaitable

WAIT_S = 180.0
"""A bound for a machine that is loaded many times over; nothing here takes a tenth of it on a quiet one."""
LOOK_S = 0.02


async def until(holds: Callable[[], object | Awaitable[object]], what: str, wait_s: float = WAIT_S) -> float:
    """Wait until something holds; how long it took (s). Raises TimeoutError that says what was waited for."""
    began_s = time.monotonic()
    while True:
        found = holds()
        if isawaitable(found):
            found = await found
        if found:
            return time.monotonic() - began_s
        if time.monotonic() - began_s > wait_s:
            raise TimeoutError(f"waited {wait_s:g} s in vain until {what}")
        await asyncio.sleep(LOOK_S)
