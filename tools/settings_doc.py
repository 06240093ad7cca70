"""docs/settings.md from the code: every variable of the environment, every key of the settings file."""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from services.scoring.core.agent_drivers import AGENT_DRIVERS
from services.scoring.core.bounds import Bounds
from services.scoring.core.parameters import ALERT_RULES, LATENESS_S, SURGES
from services.scoring.core.queue_drivers import QUEUE_DRIVERS
from services.scoring.core.report_values import VALUES
from shared import settings
from shared.settings import Environment

PAGE = Path("docs/settings.md")
SECRETS = ("redis_url", "jwt_secret", "caller_secret")
"""These may stand in a file that `STRAINWATCH_<NAME>_FILE` names."""

SAID = {
    "redis_url": "The log store: `redis://user:password@host:6379/0`, `rediss://` or `unix://`. Without: a server of "
    "our own in the data folder.",
    "host": "Address to listen at; `0.0.0.0` in the image.",
    "port": "Port to listen at: 8080 for all in one, ingest 8081, notify 8082, scoring 8083.",
    "data_dir": "Where the log server of our own keeps its data, and the secrets made for it; `/data` in the image.",
    "settings": "The settings file, as `serve --settings`.",
    "jwt_secret": "Signs the tokens of people; for notify and `strainwatch token`. At least 32 bytes.",
    "caller_secret": "Key of the hashes that stand for callers; for ingest. At least 32 bytes; with another one, "
    "callers are strangers again.",
    "jwt_audience": "What `aud` of an issuer's tokens must be.",
    "jwt_issuer": "What `iss` of an issuer's tokens must be.",
    "oidc_scope": "What the page asks the issuer for.",
    "partitions": "Partitions of the log, fixed when it is created (1 with a server of our own, else 8).",
}
"""What the code says beside a field goes before this."""

OTHERS = {
    "STRAINWATCH_CHANNELS": "The channels file of notify, as `serve --channels`; see docs/channels.md.",
    "STRAINWATCH_PUBLIC_URL": "Where people find the page; it stands in messages of channels.",
    "STRAINWATCH_TOKEN, _TOKEN_FILE": "The lead's token of `strainwatch watch`.",
    "STRAINWATCH_KEY, _KEY_FILE": "The API key of `strainwatch simulate`.",
    "STRAINWATCH_DIE_WITH_PARENT": "Set by make: the process ends when that process is gone.",
    "DEMO_SECONDS": "After how long `strainwatch demo` ends by itself.",
}
"""Variables that a single command reads by itself."""

HEAD = """\
# Settings

<!-- Made from the code by `make contract`; a test fails when the two differ. -->

Two kinds: the **environment** of a process says where things are and holds secrets; the **settings file** says what is
strain and when it rings. The file goes into the log, so that yesterday can be judged by what was in force then.
`strainwatch doctor` says what is wrong with either.
"""

ENVIRONMENT = """\
## Environment

An empty variable is an absent one. Secrets may stand in a file instead, named by the same variable with `_FILE`.

| variable | without | what it is |
|---|---|---|
"""

FILE = """\
## Settings file

TOML, given to every service of an installation (`serve --settings F` or `STRAINWATCH_SETTINGS`). A missing key has its
default, an unknown one is a fault. Raise `revision` with each change: a lower one never goes into the log, and an equal
one with another content stops the start. Tables may be repeated for one tenant under `[tenants.<t>]` and, those about
queues, for one queue under `[tenants.<t>.queues.<q>]` (there also `team = "..."`). `strainwatch demo` has settings of
its own (revision 2), which stay in its log: give it a folder or a store that nothing else uses.

```toml
revision = 2
timezone = "Europe/Madrid"

[alerts."queue.strain"]
open_line = 65

[tenants.acme.queues.billing]
team = "billing"
[tenants.acme.queues.billing.drivers.queue.service_level]
goal = 90
within_s = 30
```

Try a change on yesterday before it is in force: `strainwatch log export > day.ndjson`, then
`strainwatch replay day.ndjson --settings now.toml --compare next.toml --report day.html`.

### At the top

| key | default | from | to | what it is |
|---|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, ENVIRONMENT + "\n".join(_variables()) + "\n", FILE + "\n".join(_file()), ""])


def _variables() -> Iterator[str]:
    beside = _docstrings()
    for item in dataclasses.fields(Environment):
        name = f"`STRAINWATCH_{item.name.upper()}`"
        if item.name in SECRETS:
            name += ", `_FILE`"
        text = _plain(beside.get(item.name, "")) if item.name in beside and item.name not in SAID else ""
        yield f"| {name} | {_default(item)} | {text or SAID.get(item.name, '')} |"
    for variable, text in OTHERS.items():
        names = ", ".join(f"`{name}`" for name in variable.split(", "))
        yield f"| {names} | | {text} |"


def _default(item: dataclasses.Field[Any]) -> str:
    value = item.default
    if value is dataclasses.MISSING or value is None:
        return ""
    if isinstance(value, tuple):
        return f"`{'/'.join(map(str, value))}`"
    return f"`{value}`"


def _docstrings() -> dict[str, str]:
    """Field of Environment -> the text that stands below it."""
    tree = ast.parse(Path(settings.__file__).read_text())
    found: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == Environment.__name__:
            for field, text in zip(node.body, node.body[1:], strict=False):
                if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
                    assert isinstance(field.target, ast.Name)
                    assert isinstance(text.value, ast.Constant)
                    found[field.target.id] = str(text.value.value)
    return found


def _plain(text: str) -> str:
    """One line without the variable's own name at its beginning."""
    line = re.sub(r"\s+", " ", text).strip().replace("|", "\\|")
    line = re.sub(r"^`_[A-Z_]+(=[^`]*)?`[^:;]*[:;] ", lambda found: f"`{found[1][1:]}`: " if found[1] else "", line)
    return line[:1].upper() + line[1:]


def _file() -> Iterator[str]:
    yield "| `revision` | 1 | 0 | | grows with each change of the file; the built-in defaults are 0 |"
    yield f"| `lateness_s` | {_three(LATENESS_S)} | how old an event may be before it is set aside, in s |"
    yield '| `timezone` | "UTC" | | | IANA name: whose hours of the week, and of the day, are usual |'
    yield "| `tenants` | | | | tables for one organisation, and in them for one queue |"
    yield from ("", "### `[surges]`", "", *_table(SURGES))
    yield from ("", "### `[report]`", "", "What results are worth, for the shift report; none by default.", "")
    yield from (f"- `{name}`: in units of `currency`" for name in VALUES)
    yield '- `currency`: a code of ISO 4217 such as "EUR"'
    for kind, rules in ALERT_RULES.items():
        shown = {name: bounds for name, bounds in rules.items() if bounds.low != bounds.high}
        yield from ("", f'### `[alerts."{kind}"]`', "", *_table(shown))
    for drivers, whose in ((AGENT_DRIVERS, "agent"), (QUEUE_DRIVERS, "queue")):
        for driver in drivers:
            told = f"Its value is shown in: {driver.unit}."
            yield from ("", f"### `[drivers.{whose}.{driver.name}]`", "", told, "", *_table(driver.parameters))


def _table(table: Mapping[str, Bounds]) -> Iterator[str]:
    yield "| key | default | from | to |"
    yield "|---|---|---|---|"
    yield from (f"| `{name}` | {_three(bounds)} |" for name, bounds in table.items())


def _three(bounds: Bounds) -> str:
    return f"{bounds.default:g} | {bounds.low:g} | {bounds.high:g}"
