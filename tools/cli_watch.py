"""The command `watch`."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Coroutine
from typing import Annotated, Literal

import typer


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(watch)


def watch(
    url: Annotated[str, typer.Option(help="Where Strainwatch is.")] = "http://127.0.0.1:8080",
    token: Annotated[
        str | None, typer.Option(help="A lead's token. Better in STRAINWATCH_TOKEN or STRAINWATCH_TOKEN_FILE.")
    ] = None,
    team: Annotated[list[str] | None, typer.Option(help="Only this team of yours; repeat it for more.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Every frame as a line of JSON.")] = False,
    language: Annotated[
        Literal["en", "zh-CN"] | None, typer.Option(help="Of the texts; without: as LANG says.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(min=0, help="End by itself; without: until Ctrl-C.")] = None,
) -> None:
    """Show alerts as they come, and the board, in a terminal.

    Says so when it cannot see: not connected, a board that stands still, an ACD that is silent. Comes back by itself
    and misses nothing meanwhile. Colours on a terminal, unless NO_COLOR is set; plain lines into a file or a pipe.

    \b
    Ends with 0 (after --seconds, or when nobody reads any more), 1 (the server lets this token in no longer),
    2 (asked wrongly), 130 (Ctrl-C).

    \b
    Examples:
      STRAINWATCH_TOKEN=$(strainwatch token --demo) strainwatch watch
      strainwatch watch --url https://strain.example --team team-a --language zh-CN
      strainwatch watch --json | jq 'select(.kind == "alert") | .alert.title'
    """
    from shared.settings import BadSetup
    from tools.watch.session import Watch, feed_address
    from tools.watch.view import Json, Lines, NobodyReads, View

    address = feed_address(url)
    tokens = _Tokens(token)
    tokens()  # before anything is written: a missing one is a wrong setup
    terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    view: View
    if as_json:
        view = Json(sys.stdout)
    else:
        view = Lines(
            sys.stdout,
            language or _language(),
            terminal=terminal,
            colours=terminal and not os.environ.get("NO_COLOR"),
            columns=shutil.get_terminal_size().columns,
        )
    if team is not None and not all(team):
        raise BadSetup(["watch: --team may not be empty"])
    try:
        asyncio.run(_for(Watch(address, tokens, frozenset(team or ()), view).run(), seconds))
    except KeyboardInterrupt:
        view.blank()
        sys.exit(130)
    except NobodyReads:  # whoever read has seen enough; nothing more may be written at the end either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    else:
        view.blank()


async def _for(work: Coroutine[None, None, None], seconds: float | None) -> None:
    task = asyncio.create_task(work)
    done, _ = await asyncio.wait([task], timeout=seconds)
    if done:
        task.result()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class _Tokens:
    """The token, read anew each time where it stands in a file."""

    def __init__(self, given: str | None) -> None:
        self._given = given

    def __call__(self) -> str:
        from shared.settings import BadSetup

        text = self._given or os.environ.get("STRAINWATCH_TOKEN")
        path = os.environ.get("STRAINWATCH_TOKEN_FILE")
        if not text and path:
            with open(path, encoding="utf-8", errors="replace") as file:
                text = file.read(16_384)
        text = (text or "").strip()
        if not text:
            raise BadSetup(
                ["watch: a lead's token is needed, in --token, STRAINWATCH_TOKEN or STRAINWATCH_TOKEN_FILE; "
                 "`strainwatch token --help` says how to make one"]
            )  # fmt: skip
        if not (text.isascii() and text.isprintable()) or " " in text:
            raise BadSetup(["watch: the token has characters that no token has: was something else copied with it?"])
        return text


def _language() -> Literal["en", "zh-CN"]:
    wanted = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := os.environ.get(name))), "")
    return "zh-CN" if wanted.lower().startswith("zh") else "en"
