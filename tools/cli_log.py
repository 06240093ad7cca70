"""Commands that read what is stored: log, replay, rejects."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Annotated, Literal

import typer

REJECTS_PAGE = 500
PROGRESS_LINES = 50_000

Partition = Annotated[int | None, typer.Option(min=0, help="Only this one; without: all.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(replay)
    log = typer.Typer(no_args_is_help=True, help="The events log: the truth and the clock.")
    log.command("tail")(tail)
    log.command("export")(export)
    app.add_typer(log, name="log")
    rejects = typer.Typer(no_args_is_help=True, help="Events that were refused in the last 24 h.")
    rejects.command("list")(list_rejects)
    rejects.callback()(lambda: None)  # keeps `list` a subcommand although it is the only one
    app.add_typer(rejects, name="rejects")


def replay(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="An exported log, or events as NDJSON.")],
    settings: Annotated[Path | None, typer.Option(help="Judge with these settings instead.")] = None,
    compare: Annotated[Path | None, typer.Option(help="And with these: which alerts come, go or move.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="A line of JSON for each change of an alert, or for each that differs.")
    ] = False,
    baseline: Annotated[Path | None, typer.Option(help="Begin with this baseline (strainwatch baseline).")] = None,
    signals: Annotated[Path | None, typer.Option(metavar="OUT.CSV", help="Write the strain of each minute.")] = None,
    report: Annotated[Path | None, typer.Option(metavar="OUT.HTML", help="Draw the day.")] = None,
    truth: Annotated[Path | None, typer.Option(help="What was made to go wrong (simulate --truth).")] = None,
    leads: Annotated[int | None, typer.Option(min=1, help="Leads of a tenant; without: its teams.")] = None,
    timezone: Annotated[str, typer.Option(help="Zone of the times in the comparison and the drawing.")] = "UTC",
    lang: Annotated[Literal["en", "zh"], typer.Option(help="Which language the drawing opens in.")] = "en",
    tenant: Annotated[str, typer.Option(help="Whose the events are; an exported log says it itself.")] = "demo",
) -> None:
    """Judge a recorded day with the engine that runs live, as fast as it goes; try settings before they are in force.

    \b
    Examples:
      strainwatch log export > day.ndjson && strainwatch replay day.ndjson --json > alerts.ndjson
      strainwatch replay january.ndjson --settings calmer.toml --signals strain.csv
      strainwatch replay day.ndjson --settings now.toml --compare calmer.toml --report day.html
      strainwatch replay monday.ndjson --baseline baseline.json

    \b
    Of an exported log, --settings and --compare each replace all settings in it. The drawing is one file that needs
    nothing else; it names queues and, of agents, shows only how strain is spread over five or more.
    """
    if compare is None and report is None and truth is None:
        from tools.replay import main_replay

        main_replay(
            files,
            out=sys.stdout.buffer,
            err=sys.stderr,
            settings=settings,
            as_json=as_json,
            signals=signals,
            tenant=tenant,
            baseline=baseline,
        )
        return
    from tools.backtest import main_backtest

    if signals is not None:
        raise ValueError("--signals is of one replay: give it without --compare, --report and --truth")
    if as_json and compare is None:
        raise ValueError("--json prints the changes of one replay, or with --compare what differs: leave out the rest")
    main_backtest(
        files,
        out=sys.stdout.buffer,
        err=sys.stderr,
        settings=settings,
        other=compare,
        as_json=as_json,
        report=report,
        truth=truth,
        leads=leads,
        tenant=tenant,
        timezone=timezone,
        language=lang,
        baseline=baseline,
    )


def tail(partition: Partition = None) -> None:
    """Follow the events log, each event a line of JSON, until Ctrl-C.

    \b
    Example:
      strainwatch log tail | grep contact.abandoned
    """
    from shared.settings import Environment
    from tools.log_export import tail_log
    from tools.open_log import open_log

    async def follow() -> None:
        async with open_log(Environment.read(os.environ)) as log:
            assert log is not None
            await tail_log(log, _print_line, partition=partition, now_ms=time.time_ns() // 1_000_000)

    try:
        asyncio.run(follow())
    except KeyboardInterrupt:
        sys.exit(130)


def export(
    stream: Annotated[
        Literal["events", "alerts"], typer.Option(help="What came in, or what was concluded.")
    ] = "events",
    partition: Partition = None,
) -> None:
    """Print the log as NDJSON, one entry a line, up to its end at this moment. `replay` takes it as it is.

    \b
    Example:
      strainwatch log export > day.ndjson
    """
    from shared.settings import Environment
    from tools.log_export import export_log
    from tools.open_log import open_log

    async def write() -> int:
        count = 0
        async with open_log(Environment.read(os.environ)) as log:
            assert log is not None
            async for line in export_log(log, stream=stream, partition=partition):
                sys.stdout.buffer.write(line + b"\n")
                count += 1
                if count % PROGRESS_LINES == 0:
                    print(f"{count:,} entries", file=sys.stderr)
        sys.stdout.buffer.flush()
        return count

    print(f"{asyncio.run(write()):,} entries exported", file=sys.stderr)


def _print_line(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()  # whoever follows wants to see it now


def list_rejects(
    tenant: Annotated[str | None, typer.Option(help="Only of this tenant.")] = None,
    last: Annotated[int, typer.Option(min=1, max=100_000, help="The newest so many.")] = 100,
) -> None:
    """Print refused events as JSON lines, the oldest first: names, types and sizes of fields, and the reason.

    Values are kept only where they cannot be personal.

    \b
    Example:
      strainwatch rejects list --tenant acme --last 20
    """
    import msgspec

    async def read() -> list[bytes]:
        from shared.contract.entries import START
        from shared.settings import Environment
        from tools.open_log import open_log

        found: list[tuple[object, bytes]] = []
        async with open_log(Environment.read(os.environ)) as log:
            assert log is not None
            for partition in range(log.partitions):
                after = START
                while page := await log.read_rejects(partition, after, count=REJECTS_PAGE):
                    found += page
                    after = page[-1][0]
        found.sort(key=lambda record: record[0])  # type: ignore[arg-type,return-value]
        return [data for _, data in found]

    records = asyncio.run(read())
    if tenant is not None:
        records = [data for data in records if msgspec.json.decode(data).get("tenant") == tenant]
    for data in records[-last:]:
        print(data.decode())
