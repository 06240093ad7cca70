"""Sends by Apprise: chat, e-mail, pagers. The library runs in a process of its own, which comes and goes with need."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

from services.notify.core.channel_settings import Channel
from services.notify.core.message import Message
from services.notify.core.retries import SENT, Outcome, Verdict
from shared.addresses import Network

TRY_S = 30.0
"""One try, all in all: an e-mail server that greets slowly takes ten seconds and more."""
START_S = 30.0
"""Until Apprise is loaded; a second on an idle machine."""
IDLE_S = 60.0
"""A process that has nothing to send for so long ends: it holds some 50 MB."""
END_S = 5.0
"""How long the end of a killed process is waited for."""
MISSING = "needs Apprise, which is not installed; install strainwatch[channels]"
_ROOT = Path(__file__).resolve().parents[3]
_OURS = "STRAINWATCH_"


def is_installed() -> bool:
    """Whether Apprise is there; it is an optional extra."""
    return importlib.util.find_spec("apprise") is not None


class AppriseSender:
    """Sends by one Apprise URL."""

    def __init__(self, channel: Channel, within: tuple[Network, ...] | None = None) -> None:
        """`within`: the networks that `allow_private` opens; None: all of them."""
        self._channel = channel
        self._within = None if within is None else [str(network) for network in within]
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._idle: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Task[None]] = set()

    async def send(self, message: Message) -> Outcome:
        """One try."""
        said = {"title": message.title, "text": message.text, "severity": message.severity}
        async with self._turn:
            if self._idle is not None:
                self._idle.cancel()
            try:
                if self._process is None or self._process.returncode is not None:
                    refused = await self._start()
                    if refused is not None:
                        return refused
                answer = await self._asked(said, TRY_S)
            except TimeoutError:
                self._end()
                return Outcome(Verdict.AWAY, f"was not done within {TRY_S:g} s")
            except (OSError, ValueError) as fault:
                self._end()
                return Outcome(Verdict.AWAY, f"the sending process ended ({type(fault).__name__})")
            except asyncio.CancelledError:
                self._end()  # its answer would be taken for the next one's
                raise
            self._idle = asyncio.get_running_loop().call_later(IDLE_S, self._end)
        if answer.get("sent"):
            return SENT
        return Outcome(Verdict.REFUSED if answer.get("refused") else Verdict.AWAY, str(answer.get("reason")))

    async def close(self) -> None:
        """End its process."""
        if self._idle is not None:
            self._idle.cancel()
        self._end()
        if self._ending:
            await asyncio.wait(self._ending, timeout=END_S)

    async def _start(self) -> Outcome | None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        path = [str(_ROOT), *filter(None, [environment.get("PYTHONPATH")])]
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.notify.channels.apprise_child",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,  # a traceback of a library may repeat a URL
            env={**environment, "PYTHONPATH": os.pathsep.join(path)},
        )
        setup = {"url": self._channel.url, "allow_private": self._channel.allow_private, "within": self._within}
        answer = await self._asked(setup, START_S)
        if answer.get("ready"):
            return None
        self._end()
        return Outcome(Verdict.REFUSED, MISSING if answer.get("missing") else str(answer.get("reason")))

    async def _asked(self, said: dict[str, Any], within_s: float) -> dict[str, Any]:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        async with asyncio.timeout(within_s):
            process.stdin.write(json.dumps(said).encode() + b"\n")
            await process.stdin.drain()
            answer: dict[str, Any] = json.loads(await process.stdout.readline())
            return answer

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            task = asyncio.create_task(_ended(process))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)


async def _ended(process: asyncio.subprocess.Process) -> None:
    """End a process, and wait until nothing of it is left here."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    if process.stdin is not None:
        process.stdin.close()
    if process.stdout is not None:
        await process.stdout.read()
    await process.wait()
