"""The command that learns from history: baseline."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from shared.contract.baseline import Baseline


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(baseline)


def baseline(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="As of replay; or one file that this command wrote.")
    ],
    out: Annotated[Path | None, typer.Option(metavar="OUT.JSON", help="Write the baseline there.")] = None,
    append: Annotated[
        bool, typer.Option("--append", help="Put it into the log: the scorer takes it within a second.")
    ] = False,
    tenant: Annotated[str | None, typer.Option(help="Whose it is; without: the log's only one, or demo.")] = None,
    settings: Annotated[Path | None, typer.Option(help="Alert lines of the time, where they were not ours.")] = None,
) -> None:
    """Learn from recorded days what is usual, so that a new installation can judge on its first day.

    \b
    Examples:
      strainwatch baseline january.ndjson february.ndjson --tenant acme --out baseline.json
      strainwatch replay monday.ndjson --baseline baseline.json --tenant acme
      strainwatch baseline baseline.json --append
      strainwatch log export > week.ndjson && strainwatch baseline week.ndjson --append

    \b
    What it holds, by name and nothing else: for each queue its usual waits by hour and its share of repeat callers;
    for each agent the last 32 handle times by issue or queue, without their moments; when each issue first came up.
    No contact and no caller is in it. Agents stand there by the ids that the events carry: keep the file as carefully.

    \b
    A running system keeps what it knows itself, and takes from a baseline what is known there from more contacts.
    So the same one twice, or one that is older than what was learnt since, does no harm. Two to eight weeks are best.
    """
    from shared.settings import BadSetup
    from tools.baseline import make_baseline
    from tools.baseline_file import write_baseline

    if out is None and not append:
        raise BadSetup(["baseline: say where it goes: --out FILE, --append, or both"])
    found, lines = make_baseline(files, tenant=tenant, err=sys.stderr, settings=settings)
    if out is not None:
        write_baseline(out, found)
        lines.append(f"written to {out} ({out.stat().st_size:,} bytes)")
    if append:
        lines.append(asyncio.run(_append(found)))
    print("\n".join(lines))


async def _append(found: Baseline) -> str:
    from shared.settings import Environment
    from tools.baseline import append_baseline
    from tools.open_log import open_log

    async with open_log(Environment.read(os.environ)) as log:
        assert log is not None
        partition, entry = await append_baseline(log, found)
    return f"appended to partition {partition} as entry {entry}"
