"""Asks a service on this machine whether it lives: the health check of containers, without anything to install."""

from __future__ import annotations

import http.client
import os
import sys
import time
from collections.abc import Mapping, Sequence

from tools.ports import PORTS

TIMEOUT_S = 4.0
"""Below the time that the image gives its health check, so that the reason is told."""
BODY_BYTES_MAX = 1 << 16
WAIT_S = 20.0
"""How long `--wait` asks again: longer than a start takes, short enough for whoever waits to say that it goes on."""


class Unhealthy(RuntimeError):
    """Nobody answers, or not as one who is well; the text says what."""


def ports_of(variables: Mapping[str, str], port: int | None) -> Sequence[int]:
    """Where to ask: the given port, else STRAINWATCH_PORT, else wherever a service listens by default."""
    given = variables.get("STRAINWATCH_PORT", "")
    if port is None and given.isascii() and given.isdigit():
        port = int(given)
    return (port,) if port else tuple(PORTS.values())


def check(ports: Sequence[int], path: str, host: str = "127.0.0.1") -> list[int]:
    """The ports at which a service said that all is well. Raises Unhealthy."""
    well = []
    for port in ports:
        answer = _ask(host, port, path)
        if answer is None:
            continue
        status, body = answer
        if status != 200:
            raise Unhealthy(f"port {port} answers {status} at {path}: {body}")
        well.append(port)
    if not well:
        asked = ", ".join(map(str, ports))
        raise Unhealthy(f"no service answers on this machine at port {asked}; start one, or say where with --port")
    return well


def _ask(host: str, port: int, path: str) -> tuple[int, str] | None:
    """Status and text; None when nobody listens. Raises Unhealthy for one who listens and does not answer."""
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read(BODY_BYTES_MAX).decode("utf-8", "replace").strip()
    except ConnectionRefusedError:
        return None
    except (OSError, http.client.HTTPException) as fault:
        raise Unhealthy(f"port {port} does not answer ({fault or type(fault).__name__})") from None
    finally:
        connection.close()


def main() -> int:
    """As `strainwatch health [--ready]` at a tenth of its cost: every container is asked every few seconds.

    `--wait` asks until all is well, which costs a starting container less than being entered again and again.
    """
    until_s = time.monotonic() + (WAIT_S if "--wait" in sys.argv[1:] else 0.0)
    while True:
        try:
            check(ports_of(os.environ, None), "/readyz" if "--ready" in sys.argv[1:] else "/healthz")
        except Unhealthy as fault:
            if time.monotonic() >= until_s:
                print(f"strainwatch: {fault}", file=sys.stderr)
                return 1
            time.sleep(0.1)
        else:
            return 0


if __name__ == "__main__":
    sys.exit(main())
