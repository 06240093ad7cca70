"""The command line: `strainwatch --help`. Faults end in one line that says what to do, and an exit code.

0: done. 1: something failed. 2: asked or set up wrongly. 130: Ctrl-C.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tools import cli_access, cli_baseline, cli_channels, cli_log, cli_ops, cli_privacy, cli_run, cli_watch

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Realtime workload strain of contact centres: an ACD's events in, alerts for team leads out.

    \b
    Try it:      strainwatch demo
    Run it:      strainwatch serve all --settings strainwatch.toml
    Feed it:     KEY=$(strainwatch keys create --tenant acme)
                 curl http://127.0.0.1:8080/v1/events -H "Authorization: Bearer $KEY" -d @event.json
    Look at it:  strainwatch token --tenant acme --teams '*' --role lead --sub lead-1
    Watch it:    STRAINWATCH_TOKEN=$(strainwatch token --demo) strainwatch watch
    Judge it:    strainwatch log export > day.ndjson && strainwatch replay day.ndjson --json

    The environment variables STRAINWATCH_* are explained by `strainwatch serve --help`.
    """,
)


def _say_version(asked: bool) -> None:
    if asked:
        from services.scoring.identity import engine_name

        print(engine_name())
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_say_version, help="Print version and engine, and end."),
    ] = False,
) -> None:
    pass


cli_run.add_to(app)
cli_access.add_to(app)
cli_log.add_to(app)
cli_baseline.add_to(app)
cli_channels.add_to(app)
cli_watch.add_to(app)
cli_privacy.add_to(app)
cli_ops.add_to(app)


def main() -> None:
    """The console script."""
    try:
        app()
    except Exception as fault:
        told = _told(fault)
        if told is None:
            raise  # a fault of ours: whoever reports it needs the traceback
        text, code = told
        print(f"strainwatch: {text}", file=sys.stderr)
        sys.exit(code)


def _told(fault: Exception) -> tuple[str, int] | None:
    """What to print and the exit code, for a fault that the reader can do something about."""
    from services.scoring.scorer import SettingsConflict
    from shared.embedded import EmbeddedServerError
    from shared.log import LogUnavailable, WrongPartitions
    from shared.settings import BadSetup
    from tools.agent_data import UnknownAgent
    from tools.bank_calls import BankCallsError
    from tools.baseline_file import BadBaseline
    from tools.open_log import StoreMoved
    from tools.replay_input import ReplayError
    from tools.serve import ServeError
    from tools.server import CannotListen
    from tools.simulate import SimulateError
    from tools.watch.session import WatchError

    if isinstance(fault, ExceptionGroup):  # several partitions at once: they say the same
        return _told(fault.exceptions[0])
    if isinstance(fault, BadSetup):
        if len(fault.faults) == 1:
            return fault.faults[0], 2
        return "\n  - ".join([f"{len(fault.faults)} things are wrong with the setup:", *fault.faults]), 2
    if isinstance(fault, WrongPartitions | SettingsConflict):
        return str(fault), 2
    served = (ServeError, CannotListen, StoreMoved, EmbeddedServerError, LogUnavailable)
    if isinstance(fault, (*served, SimulateError, BankCallsError, ReplayError, BadBaseline, WatchError)):
        return str(fault), 1
    if isinstance(fault, UnknownAgent):
        return str(fault), 1
    if type(fault) is ValueError:  # an argument that does not fit: a partition, a zone, an address
        return str(fault), 2
    if isinstance(fault, OSError) and fault.filename is not None:
        return f"{fault.filename}: {fault.strerror}", 1
    return None
