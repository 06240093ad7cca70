"""The reference pages of the docs, written from the contract (`make contract`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from shared.contract import events, frames
from tools import contract_schema

FOLDER = Path("docs/reference")
Schema = dict[str, Any]


def pages() -> dict[Path, str]:
    """Path below the project's root -> text."""
    return {
        FOLDER / "events.md": _events(),
        FOLDER / "feed.md": _feed(),
    }


def _head(title: str, source: str) -> str:
    return f"# {title}\n\nWritten from `{source}` by `make contract`; change it there.\n"


def _events() -> str:
    schema = contract_schema.events_schema()
    parts = [
        _head("Events", "shared/contract/events.py"),
        """
`POST /v1/events` takes one JSON object, an array, or NDJSON (`application/x-ndjson`), with
`Authorization: Bearer <API key>`. Every event has `type`, `id` and `ts`. Sending one twice is harmless, and so are
other orders within `lateness_s`. Times of day are milliseconds since 1970 UTC, or RFC 3339 with an offset; durations
are seconds. Keys that are not listed are dropped; [what is made of bad input](../bad-input.md).
""",
    ]
    for event in events.EVENT_TYPES:
        body = schema["$defs"][event.__name__]
        fields = {name: part for name, part in body["properties"].items() if name not in ("id", "ts", "type")}
        parts.append(f"\n## `{event.__struct_config__.tag}`\n\n{_sentences(event)}\n\n")
        parts.extend(_fields(fields, body["required"], schema["$defs"]))
    refused = ", ".join(f"`{key}`" for key in sorted(events.REFUSED_KEYS))
    parts.append(
        "\n## Refused keys\n\nAn event with one of these keys is refused, whatever it holds: Strainwatch measures "
        f"workload, and what it must not know it must not be sent.\n\n{refused}\n"
    )
    return "".join(parts)


def _feed() -> str:
    server, client = contract_schema.server_frames_schema(), contract_schema.client_frames_schema()
    parts = [
        _head("Frames and alerts", "shared/contract/frames.py, alerts.py and signals.py"),
        "\nHow they are used: [the feed](../feed.md). A golden sample of each stands in `tests/contract/golden/`.\n",
    ]
    for title, schema, kinds in (
        ("Frames of the server", server, ("Hello", "BoardFrame", "AlertFrame", "Problem", "Goodbye")),
        ("Frames of a client", client, tuple(frame.__name__ for frame in frames.CLIENT_FRAMES)),
        (
            "What they hold", server,
            ("Alert", "Driver", "SuggestedAction", "Change", "QueueSignal", "AgentSignal", "DriverShare", "BreakDue"),
        ),
    ):  # fmt: skip
        parts.append(f"\n## {title}\n")
        for name in kinds:
            body = schema["$defs"][name]
            fields = dict(body["properties"])
            kind = fields.pop("kind", {}).get("enum", [name])[0]
            parts.append(f"\n### `{kind}`\n\n{_first_line(body)}\n\n")
            parts.extend(_fields(fields, body.get("required", []), schema["$defs"]))
    return "".join(parts)


def _fields(fields: Mapping[str, Schema], required: Sequence[str], known: Mapping[str, Schema]) -> Iterator[str]:
    yield _row(["field", "type", "", "limits"])
    yield _row(["---"] * 4)
    for name, part in fields.items():
        kinds = part.get("anyOf", [part])
        told = [_type(kind, known) for kind in kinds if kind.get("type") != "null"]
        limits = [text for kind in kinds for text in _limits(kind)]
        nothing = "" if name in required else "optional"
        yield _row([f"`{name}`", " or ".join(dict.fromkeys(told)), nothing, ", ".join(limits)])


def _type(part: Schema, known: Mapping[str, Schema]) -> str:
    if "$ref" in part:
        return f"`{part['$ref'].rsplit('/', 1)[-1]}`"
    if "enum" in part:
        return _codes(map(str, part["enum"]))
    if part.get("type") == "array":
        return f"list of {_type(part.get('items', {}), known)}"
    return str(part.get("type", "any"))


def _limits(part: Schema) -> Iterator[str]:
    if "maximum" in part:
        yield f"{part.get('minimum', 0):,} to {part['maximum']:,}"
    if "maxLength" in part:
        yield f"{part.get('minLength', 0)} to {part['maxLength']:,} characters"


def _codes(words: Any) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |\n"


def _sentences(struct: type) -> str:
    return " ".join((struct.__doc__ or "").split())


def _first_line(body: Schema) -> str:
    return str(body.get("description", "")).split("\n\n", 1)[0].replace("\n", " ")
