"""What the store's error replies mean to the services, and what the reader should do about them."""

from __future__ import annotations

from shared.log import Fenced, LogUnavailable

_UNAVAILABLE = {
    "OOM": "The log store is full. Give it more memory (maxmemory) or keep less (retention)",
    "MISCONF": "The log store cannot write to its disk. Make room there or look at its log",
    "READONLY": "The log store is a read-only replica. Point STRAINWATCH_REDIS_URL at the primary",
    "UNBLOCKED": "The log store is no longer the primary. Try again",
    "LOADING": "The log store is loading its data. Wait until it has finished",
    "BUSY": "The log store is busy with a long script. Wait, or end it with SCRIPT KILL",
    "NOREPLICAS": "The log store has too few replicas to write. Bring them back or lower min-replicas-to-write",
    "MASTERDOWN": "The log store is a replica that lost its primary. Bring the primary back",
    "CLUSTERDOWN": "The cluster of the log store does not serve all slots. Look at CLUSTER INFO",
    "TRYAGAIN": "The cluster of the log store is moving keys. Try again",
    "MOVED": "The log store is a node of a cluster. Begin STRAINWATCH_REDIS_URL with redis+cluster://",
    "ASK": "The log store is a node of a cluster. Begin STRAINWATCH_REDIS_URL with redis+cluster://",
    "NOAUTH": "The log store wants a password. Put it into STRAINWATCH_REDIS_URL",
    "WRONGPASS": "The log store refuses the password. Correct it in STRAINWATCH_REDIS_URL",
    "NOPERM": "The log store does not let this user run a command. Give its ACL the right",
}
_UNAVAILABLE_TEXTS = (
    ("max number of clients", "The log store has no room for more clients. Raise its maxclients"),
    ("AUTH", "The log store has no password. Take it out of STRAINWATCH_REDIS_URL"),
    ("cluster support disabled", "The log store is no cluster. Begin STRAINWATCH_REDIS_URL with redis://"),
    ("DB index", "The log store does not have this database number. Correct it in STRAINWATCH_REDIS_URL"),
)
_NOTHING_DONE = frozenset({"READONLY", "UNBLOCKED", "LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN"})
FATAL_TO_CONNECTION = frozenset({"READONLY", "UNBLOCKED", "MASTERDOWN", "NOAUTH"})
"""After these the next attempt dials again: the name may meanwhile lead to another node, or the user is known again."""


class NothingDone(LogUnavailable):
    """The store did nothing with the command, so it may be sent again, here or to another node."""


class Redirected(NothingDone):
    """Another node of the cluster has the key: from now on, or (`asks`) only for this command."""

    asks = False
    host = ""
    """Empty: the host that answered."""
    port = 0


class ScriptMissing(Exception):
    """The server does not know the script (it was restarted, or its script cache emptied); nothing was done."""


class RefusedCommand(RuntimeError):
    """The store refused a command for a reason that is a fault of this program, or its keys are not ours."""

    code = ""
    """First word of what the store said."""


def code_of(text: str) -> str:
    """First word of an error reply."""
    return text.partition(" ")[0]


def fault_of(text: str) -> Exception:
    """The exception for an error reply."""
    code, _, rest = text.partition(" ")
    if code == "NOSCRIPT":
        return ScriptMissing(rest)
    if code == "FENCED":
        return Fenced(f"Another scorer owns this partition now ({rest}). Stop writing; start again as a standby.")
    advice = _UNAVAILABLE.get(code)
    if code in ("MOVED", "ASK"):
        redirected = Redirected(f"{advice}. It says: {text}")
        redirected.asks = code == "ASK"
        host, _, port = rest.rpartition(" ")[2].rpartition(":")
        redirected.host, redirected.port = host.strip("[]?"), int(port)
        return redirected
    if advice is None and code == "ERR":
        advice = next((advice for part, advice in _UNAVAILABLE_TEXTS if part in rest), None)
    if advice is not None:
        return (NothingDone if code in _NOTHING_DONE else LogUnavailable)(f"{advice}. It says: {text}")
    refused = RefusedCommand(f"The log store refused a command: {text}")
    refused.code = code
    return refused
