"""Commands that run something: serve, demo, simulate, convert."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

SETTINGS_HELP = "TOML file with lines, holds and driver parameters."


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(no_args_is_help=False)(serve)
    app.command()(demo)
    app.command()(simulate)
    convert = typer.Typer(no_args_is_help=True, help="Turn recorded data into events.")
    convert.command("bank-calls")(convert_bank_calls)
    app.add_typer(convert, name="convert")


def serve(
    which: Annotated[Literal["all", "ingest", "scoring", "notify"], typer.Argument()] = "all",
    settings: Annotated[Path | None, typer.Option(help=SETTINGS_HELP)] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen at.")] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="8080 for all, ingest 8081, notify 8082, scoring 8083.")
    ] = None,
    channels: Annotated[
        Path | None, typer.Option(help="TOML file with outgoing channels: chat, e-mail, webhooks.")
    ] = None,
) -> None:
    """Run all services in this process, or one of them.

    \b
    Examples:
      strainwatch serve                                  all of them, with a log server of their own in ./data
      strainwatch serve all --settings strainwatch.toml
      STRAINWATCH_REDIS_URL=redis://log:6379 strainwatch serve scoring

    \b
    Environment (options go before it; secrets may stand in a file named by ..._FILE):
      STRAINWATCH_REDIS_URL       the log store: redis://, rediss:// or unix://; redis+sentinel:// and redis+cluster://
                                  for several servers (docs/scaling.md). Without: a server of our own
      STRAINWATCH_DATA_DIR        where that one keeps its data (./data)
      STRAINWATCH_HOST, _PORT     where to listen (127.0.0.1)
      STRAINWATCH_SETTINGS        as --settings
      STRAINWATCH_CHANNELS        as --channels; see `strainwatch channels --help`
      STRAINWATCH_PUBLIC_URL      where people find the page; it stands in messages of channels
      STRAINWATCH_JWT_SECRET      signs the tokens of people; for notify and `strainwatch token`
      STRAINWATCH_CALLER_SECRET   key of the hashes of callers; for ingest
                                  (without STRAINWATCH_REDIS_URL both are made in the data folder)
      STRAINWATCH_KEEP            how long streams are kept: events=26h,alerts=7d,history=26h,rejects=24h,audit=90d
      STRAINWATCH_ALLOWED_ORIGINS pages of other hosts that may open the feed
      STRAINWATCH_PRIVATE_NETWORKS which private addresses channels and the issuer's keys may be at
      STRAINWATCH_PARTITIONS      of the log, fixed when it is created (1 embedded, else 8)
      STRAINWATCH_CONFIRM_REPLICAS, _CONFIRM_ON
                                  so many replicas must have what was sent (0); in their memory or on disk (memory)
      STRAINWATCH_SCORING_SHARD   i/N: this scorer takes the partitions p with p mod N = i (0/1);
                                  ordinal/N: i is the number of the pod in its StatefulSet, modulo N;
                                  standby: any partition, until the scorer whose it is asks for it
      STRAINWATCH_LOG_LEVEL       debug, info, warning or error (info)
    """
    from shared.telemetry import configure_logging
    from tools import serve as serving
    from tools.serve_setup import read_setup

    setup = read_setup(
        os.environ, now_ms=_now_ms(), which=which, settings=settings, host=host, port=port, channels=channels
    )
    configure_logging(which, setup.environment.log_level)
    serving.serve(setup)


def demo(
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="8080 unless STRAINWATCH_PORT says more.")] = None,
) -> None:
    """Everything at once: all services, a log in ./data, and a simulated contact centre that strains them.

    \b
    Examples:
      strainwatch demo
      DEMO_SECONDS=90 strainwatch demo                   ends by itself
    """
    from shared.telemetry import configure_logging
    from tools import demo as the_demo

    seconds = the_demo.seconds_of(os.environ)
    configure_logging("demo", level="error")  # a terminal is for the banner
    the_demo.demo(os.environ, port=port, seconds=seconds)


def simulate(
    url: Annotated[str, typer.Option(help="Where ingest is.")] = "http://127.0.0.1:8080",
    key: Annotated[
        str | None,
        typer.Option(
            envvar="STRAINWATCH_KEY", help="API key, or a file with it in STRAINWATCH_KEY_FILE; else sk_demo."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Gives the same day again.")] = 1,
    agents: Annotated[int, typer.Option(min=3, max=2000)] = 24,
    seconds: Annotated[float | None, typer.Option(min=0, help="Real seconds; without: until Ctrl-C.")] = None,
    speed: Annotated[float, typer.Option(min=0.01, max=1000, help="Simulated seconds per real second.")] = 1.0,
    clock_h: Annotated[float, typer.Option(min=0, max=24, help="Hour of the centre's day at the start.")] = 10.0,
    surge: Annotated[bool, typer.Option("--surge/--calm", help="A surge of one issue, again and again.")] = False,
    truth: Annotated[
        Path | None, typer.Option(help="Write what was made to go wrong, for `replay --truth`, at the end.")
    ] = None,
) -> None:
    """Post the events of a simulated contact centre to a running ingest, at the pace at which they happen.

    \b
    Examples:
      strainwatch simulate --surge
      strainwatch simulate --url http://10.0.0.5:8081 --key "$KEY" --agents 200 --seconds 600
      strainwatch simulate --surge --speed 10 --seconds 600 --truth causes.ndjson
    """
    from shared.access import DEMO_KEY
    from tools import simulate as simulation
    from tools.centre import DEMO

    if key is None:
        path = os.environ.get("STRAINWATCH_KEY_FILE")
        key = Path(path).read_text(encoding="ascii").strip() if path else DEMO_KEY
    scenario = DEMO if surge else None
    with _interruptible():
        asyncio.run(
            simulation.simulate(
                url,
                key,
                seed=seed,
                agents=agents,
                duration_s=seconds,
                speed=speed,
                scenario=scenario,
                clock_h=clock_h,
                say=_say,
                truth=truth,
            )
        )


def convert_bank_calls(
    file: Annotated[Path, typer.Argument(help="Tab-separated call records, with a header line.")],
    timezone: Annotated[str, typer.Option(help="Zone of the file's times.")] = "UTC",
) -> None:
    """Turn call records of the bank-calls form into events: NDJSON on standard output, a report on standard error.

    \b
    Example:
      strainwatch convert bank-calls january.txt --timezone Asia/Jerusalem > january.ndjson
    """
    from tools.bank_calls import main_convert

    main_convert(file, timezone, sys.stdout, sys.stderr)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def _interruptible() -> Any:
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(130)
