"""The process in which Apprise sends: its own, so that a try that hangs can be ended, and so that every connection that
any of its hundred services makes can be looked at before it is made.

Standard input and output carry one JSON object a line: first what to send with, then messages; an answer for each.
"""

from __future__ import annotations

import io
import json
import logging
import re
import sys
from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from typing import Any

from shared.addresses import Network, refusal

REASON_MAX = 300
_PIECE = re.compile(r"[^\s/:@?&=,#+]{4,}")
_PROGRAMS = frozenset(
    {"subprocess.Popen", "os.exec", "os.posix_spawn", "os.system", "os.fork", "os.forkpty", "pty.spawn"}
)
_PLAIN = frozenset({"http", "https", "mailto", "mailtos", "true", "false", "html", "text", "json"})


class Guard:
    """Looks at every address that this process is about to connect to."""

    def __init__(self, allow_private: bool, within: Sequence[Network] | None = None) -> None:
        self._allow_private = allow_private
        self._within = within
        self.refused: str | None = None

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """An audit hook: what it raises ends the connection before it is made."""
        if event in _PROGRAMS:
            self.refused = "a channel that would start a program on this machine is none"
            raise PermissionError(self.refused)
        if event not in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            return
        address = arguments[1]
        if address is None:  # a message on a socket that was connected, and looked at then
            return
        why = self._refusal(address)
        if why is not None:
            self.refused = why
            raise PermissionError(why)

    def _refusal(self, address: Any) -> str | None:
        if not isinstance(address, tuple) or not address:
            return "a socket of this machine is not a channel"
        host = str(address[0])
        try:
            ip_address(host.partition("%")[0])
        except ValueError:
            return "a name that was not resolved first cannot be judged"
        return refusal(host, allow_private=self._allow_private, within=self._within)


def hide(text: str, url: str) -> str:
    """A text without anything that stands in a URL: Apprise's own lines tell why a send failed, and sometimes to whom.

    In its URLs tokens stand anywhere, also where a host or a path would be, so every piece is hidden.
    """
    from urllib.parse import unquote

    pieces = {piece for form in (url, unquote(url)) for piece in _PIECE.findall(form)} - _PLAIN
    for piece in sorted(pieces, key=len, reverse=True):
        text = text.replace(piece, "***")
    return text[:REASON_MAX]


class _Last(logging.Handler):
    """Remembers the last warning."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        """See logging.Handler."""
        self.text = record.getMessage()


def main() -> None:
    """Send until standard input ends."""
    answers, sys.stdout = sys.stdout, io.StringIO()  # nothing else may come between the answers
    setup = json.loads(sys.stdin.readline())
    url: str = setup["url"]
    try:
        import apprise
    except ImportError:
        _answer(answers, {"ready": False, "missing": True, "reason": "Apprise is not installed"})
        return
    log, last = logging.getLogger("apprise"), _Last()
    log.addHandler(last)
    log.propagate = False
    within = setup.get("within")
    guard = Guard(bool(setup["allow_private"]), None if within is None else [ip_network(name) for name in within])
    sys.addaudithook(guard)
    way = apprise.Apprise(
        asset=apprise.AppriseAsset(app_id="Strainwatch", app_desc="Strainwatch", app_url="", async_mode=False)
    )
    if not way.add(url):
        _answer(answers, {"ready": False, "reason": hide(last.text, url) or "Apprise does not know such a URL"})
        return
    _answer(answers, {"ready": True})
    kinds = {"notice": apprise.NotifyType.INFO, "critical": apprise.NotifyType.FAILURE}
    for line in sys.stdin:
        said = json.loads(line)
        last.text, guard.refused = "", None
        sent = way.notify(
            title=said["title"],
            body=said["text"],
            notify_type=kinds.get(said["severity"], apprise.NotifyType.WARNING),
            body_format=apprise.NotifyFormat.TEXT,
        )
        reason = guard.refused or hide(last.text, url) or "Apprise could not send it"
        _answer(
            answers, {"sent": True} if sent else {"sent": False, "refused": guard.refused is not None, "reason": reason}
        )


def _answer(answers: Any, said: dict[str, Any]) -> None:
    answers.write(json.dumps(said) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
