"""Writes what is generated from the contract: `python -m tools.contract_gen [--check]` (`make contract`)."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tools import alert_life, dashboards, metrics_page, reference, settings_doc
from tools import contract_schema as schema
from tools.contract_types import typescript

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = Path("shared/contract/schema")
TYPES = Path("services/notify/web/src/contract.ts")


def generated() -> dict[Path, str]:
    """Path below the project's root -> the text that belongs there."""
    documents = {
        "event": schema.events_schema(),
        "alert": schema.alert_schema(),
        "server-frame": schema.server_frames_schema(),
        "client-frame": schema.client_frames_schema(),
        **{name: schema.body_schema(name, body) for name, body in schema.BODIES.items()},
    }
    files = {SCHEMA / f"{name}.schema.json": _json(document) for name, document in documents.items()}
    files[SCHEMA / "feed.asyncapi.json"] = _json(schema.feed_asyncapi())
    files[TYPES] = typescript()
    files[alert_life.PAGE] = alert_life.page()
    files[metrics_page.PAGE] = metrics_page.page()
    files |= dashboards.texts()
    files[settings_doc.PAGE] = settings_doc.page()
    files |= reference.pages()
    return files


def stale(root: Path = ROOT) -> list[str]:
    """Paths whose text is not what the contract gives, and files of the schema folder that nothing generates."""
    files = generated()
    wrong = [path for path, text in files.items() if not _holds(root / path, text)]
    left = [path.relative_to(root) for path in (root / SCHEMA).glob("*") if path.relative_to(root) not in files]
    return sorted(map(str, [*wrong, *left]))


def write(root: Path = ROOT) -> list[str]:
    """Brings all files up to date; returns the paths that changed or went away."""
    changed = stale(root)
    files = {str(path): text for path, text in generated().items()}
    for name in changed:
        path = root / name
        if name in files:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[name], encoding="utf-8")
        else:
            path.unlink()
    return changed


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def _json(document: schema.Schema) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    """With `--check`, writes nothing and ends with 1 when something is stale."""
    if "--check" in sys.argv[1:]:
        found = stale()
        for name in found:
            print(f"{name} is not what the contract gives; run `make contract`", file=sys.stderr)
        return 1 if found else 0
    for name in write():
        print(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
