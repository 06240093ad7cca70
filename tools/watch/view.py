"""What `watch` writes: lines for a person, in colour on a terminal, or JSON for a program."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any, Protocol, TextIO

from tools.watch.words import safe, said

SHOWN_MAX = 3
"""Queues, and people due for a break, in the summary of the board: one line has to do."""
BOARD_EVERY_S = 60.0
"""Between two summaries of the board where lines stay (a file, a pipe); a terminal rewrites its last line."""
_MARKS = {"notice": "·", "warning": "!", "critical": "!!"}
"""Shape beside colour and word."""
_COLOURS = {"notice": "36", "warning": "33", "critical": "1;31", "over": "32", "blind": "1;30;43", "quiet": "2"}
_OVER = ("resolved", "suppressed")


class NobodyReads(Exception):
    """Who read what we write has gone."""


def _put(out: TextIO, text: str) -> None:
    try:
        out.write(text)
        out.flush()
    except BrokenPipeError:
        raise NobodyReads from None


class View(Protocol):
    """Where all that is heard goes."""

    def frame(self, frame: dict[str, Any]) -> None:
        """A frame as it came; for those who want them whole."""

    def alert(self, alert: dict[str, Any]) -> None:
        """A change of an alert of the chosen teams."""

    def board(self, board: dict[str, Any], age_s: float, alerts: Iterable[dict[str, Any]]) -> None:
        """The newest board, and the alerts that are open."""

    def status(self, name: str, /, *, blind: bool, **values: object) -> None:
        """Something about the connection or the data; `blind`: what is shown must not be taken for calm."""

    def blank(self) -> None:
        """Take the summary away: it is no longer true, or it is over."""


class Lines:
    """For people."""

    def __init__(self, out: TextIO, language: str, *, terminal: bool, colours: bool, columns: int = 100) -> None:
        self._out = out
        self._language = language
        self._terminal = terminal
        self._colours = colours
        self._columns = columns
        self._under = ""
        """The last line of a terminal, which is rewritten."""
        self._summed_s = float("-inf")

    def frame(self, frame: dict[str, Any]) -> None:
        """See View."""

    def alert(self, alert: dict[str, Any]) -> None:
        """See View."""
        chinese = self._language == "zh-CN"
        severity, phase = str(alert["severity"]), str(alert["phase"])
        over = phase in _OVER
        head = f"{_MARKS.get(severity, '?')} {self._word(severity)} {self._word(phase)}"
        title = safe(str(alert["title_zh" if chinese else "title"]))
        parts = [f"{self._clock()}  {self._painted(head, 'over' if over else severity)}  {title}"]
        if alert["team"] is not None:
            parts.append(f"({self._said('of_team', name=safe(alert['team']))})")
        if alert["owner"] is not None:
            parts.append(f"[{self._said('owner', name=safe(alert['owner']))}]")
        self._line(" ".join(parts))
        if not over:
            texts = [safe(str(driver["text_zh" if chinese else "text"])) for driver in alert["drivers"][:SHOWN_MAX]]
            if texts:
                self._line(f"          {self._said('because')}: {'; '.join(texts)}")
            self._line(f"          {self._said('do')}: {safe(str(alert['action']['text_zh' if chinese else 'text']))}")

    def board(self, board: dict[str, Any], age_s: float, alerts: Iterable[dict[str, Any]]) -> None:
        """See View."""
        text = self._summary(board, age_s, list(alerts))
        if self._terminal:
            self._rewrite(self._painted(_fitting(text, self._columns), "quiet"))
        elif time.monotonic() - self._summed_s >= BOARD_EVERY_S:
            self._summed_s = time.monotonic()
            self._line(f"{self._clock()}  {text}")

    def status(self, name: str, /, *, blind: bool, **values: object) -> None:
        """See View."""
        self._summed_s = float("-inf")
        text = self._said(name, **{key: safe(v) if isinstance(v, str) else v for key, v in values.items()})
        text = f"{self._clock()}  {'▲ ' if blind else ''}{text}"
        self._line(self._painted(text, "blind") if blind else text)

    def _summary(self, board: dict[str, Any], age_s: float, alerts: list[dict[str, Any]]) -> str:
        strained = sorted(board["queues"], key=lambda queue: -(queue["strain"] or 0.0))
        queues = [
            self._said("queue", name=safe(q["id"], 40), strain=q["strain"] or 0.0, waiting=q["waiting"])
            for q in strained[:SHOWN_MAX]
        ]
        due = [
            self._said("break", name=safe(b["agent"], 40), minutes=b["suggested_min"])
            for b in board["breaks"][:SHOWN_MAX]
        ]
        counts = [(self._word(name), sum(a["severity"] == name for a in alerts)) for name in reversed(_MARKS)]
        return self._said(
            "board",
            age=age_s,
            queues=self._listed(queues, len(strained), "no_queue"),
            agents=len(board["agents"]),
            breaks=self._listed(due, len(board["breaks"]), "nobody"),
            alerts=", ".join(f"{n} {word}" for word, n in counts if n) or self._said("nothing_open"),
        )

    def _listed(self, shown: list[str], number: int, none: str) -> str:
        more = [self._said("more", number=number - len(shown))] if number > len(shown) else []
        return ", ".join(shown + more) or self._said(none)

    def _said(self, name: str, /, **values: object) -> str:
        return said(self._language, name, **values)

    def _word(self, name: str) -> str:
        try:
            return self._said(name)
        except KeyError:  # of a newer server
            return safe(name)

    def _painted(self, text: str, what: str) -> str:
        return f"\x1b[{_COLOURS.get(what, '0')}m{text}\x1b[0m" if self._colours else text

    def _clock(self) -> str:
        return time.strftime("%H:%M:%S" if self._terminal else "%Y-%m-%dT%H:%M:%S%z")

    def _line(self, text: str) -> None:
        if self._terminal:
            _put(self._out, f"\r\x1b[K{text}\n{self._under}")
        else:
            _put(self._out, f"{text}\n")

    def _rewrite(self, text: str) -> None:
        self._under = text
        _put(self._out, f"\r\x1b[K{text}")

    def blank(self) -> None:
        """Take the summary away: it is no longer true, or it is over."""
        if self._terminal and self._under:
            self._rewrite("")


class Json:
    """For programs: each frame a line, and `{"kind":"status",...}` between them."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def frame(self, frame: dict[str, Any]) -> None:
        """See View."""
        self._write(frame)

    def alert(self, alert: dict[str, Any]) -> None:
        """See View; the frame said it."""

    def board(self, board: dict[str, Any], age_s: float, alerts: Iterable[dict[str, Any]]) -> None:
        """See View; the frame said it."""

    def status(self, name: str, /, *, blind: bool, **values: object) -> None:
        """See View."""
        self._write({"kind": "status", "status": name, "blind": blind, **values})

    def blank(self) -> None:
        """See Lines."""

    def _write(self, value: dict[str, Any]) -> None:
        # In ASCII: a name that steers terminals is harmless even when somebody looks on.
        _put(self._out, json.dumps(value, separators=(",", ":")) + "\n")


def _fitting(text: str, columns: int) -> str:
    """A line that does not wrap: a wrapped one could not be rewritten. Wide characters take two columns."""
    room = columns - 1
    for place, character in enumerate(text):
        room -= 2 if ord(character) >= 0x1100 else 1
        if room < 0:
            return text[: max(0, place - 1)] + "…"
    return text
