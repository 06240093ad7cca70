"""Commands for those who run it: health, doctor."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(health)
    app.command()(doctor)


def health(
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Without: STRAINWATCH_PORT, else all ports of `serve`.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address of this machine to ask at.")] = "127.0.0.1",
    ready: Annotated[bool, typer.Option("--ready", help="Also whether what it depends on answers.")] = False,
) -> None:
    """Ask the services on this machine whether they live. Ends with 0, or with 1 and the reason.

    \b
    Examples:
      strainwatch health                                 the health check of the image
      strainwatch health --ready --port 8081
    """
    from tools.health import Unhealthy, check, ports_of

    try:
        well = check(ports_of(os.environ, port), "/readyz" if ready else "/healthz", host)
    except Unhealthy as fault:
        print(f"strainwatch: {fault}", file=sys.stderr)
        sys.exit(1)
    print(f"{'ready' if ready else 'alive'}: port {', '.join(map(str, well))}")


def doctor(as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False) -> None:
    """Look at everything that is often wrong, and say of each what to do.

    Settings and secrets, the log store (version, persistence, eviction, memory, its clock), who judges each partition,
    checkpoints, versions, rights of files, limits of this machine. It changes nothing.

    \b
    Ends with 0 when there is no fault (there may be warnings), else with 1.

    \b
    Examples:
      strainwatch doctor
      STRAINWATCH_REDIS_URL=redis://log:6379 strainwatch doctor --json
    """
    from tools.doctor.findings import as_json as json_of
    from tools.doctor.findings import as_text, verdict_of
    from tools.doctor.round import examine

    findings = asyncio.run(examine(os.environ, time.time_ns() // 1_000_000))
    print(json_of(findings) if as_json else as_text(findings))
    sys.exit(1 if verdict_of(findings) == "fault" else 0)
