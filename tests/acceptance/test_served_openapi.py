"""What the served OpenAPI promises, asked of a running system with generated requests: no fault of ours, no status,
type or body that is not in it."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from running import STRAINWATCH, eventually, free_port, get, json_of, ready, started, strainwatch
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from shared.access import mint

EXAMPLES = 12
NEVER_ENDS = {"/v1/stream"}
"""Asked by tests of its own."""
CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


class System:
    """All three services on one port, with an event on the board."""

    def __init__(self, port: int, data_dir: Path) -> None:
        self.port = port
        self._data_dir = data_dir
        self._people = count()
        self._secret = (data_dir / "jwt-secret").read_bytes().strip()
        self.key = strainwatch(data_dir, "keys", "create", "--tenant", "acme").stdout.strip()

    def token(self, role: str) -> str:
        """Of somebody who has asked for nothing yet."""
        now_s = int(time.time())
        agent = "ann" if role == "agent" else None
        sub = f"{role}-{next(self._people)}"
        return mint(self._secret, tenant="acme", teams=["*"], role=role, sub=sub, exp_s=now_s + 3600, agent=agent)  # type: ignore[arg-type]

    def post(self) -> int | None:
        event = {"type": "agent.state", "id": f"e-{next(self._people)}", "agent": "ann", "state": "available"}
        body = json.dumps({**event, "ts": int(time.time() * 1000)}).encode()
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        asked = urllib.request.Request(f"http://127.0.0.1:{self.port}/v1/events", body, headers)
        try:
            with urllib.request.urlopen(asked, timeout=60) as answer:
                return int(answer.status)
        except OSError:
            return None

    def on_the_board(self) -> bool:
        return bool(json_of(get(self.port, "/v1/board", self.token("admin")))["agents"])


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    data_dir, port = tmp_path_factory.mktemp("served"), free_port()
    with started([STRAINWATCH, "serve", "all", "--port", str(port)], data_dir):
        eventually(ready(port), "the services to be ready")
        found = System(port, data_dir)
        eventually(lambda: found.post() == 202, "an event to be taken")
        eventually(found.on_the_board, "the agent on the board")
        yield found


def ask(operation: Any, by: str) -> None:
    """Some generated requests of one operation. Raises what did not hold."""

    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(operation.as_strategy())
    def one(case: schemathesis.Case) -> None:
        case.call_and_validate(headers={"Authorization": f"Bearer {by}"}, checks=CHECKS, timeout=60)

    one()


def test_every_operation_answers_as_its_description_says(system: System) -> None:
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{system.port}/openapi.json")
    asked, wrong = [], []
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path in NEVER_ENDS:
            continue
        role = "agent" if operation.path.startswith("/v1/agents/me") else "admin"
        for by in (system.key if operation.path == "/v1/events" else system.token(role), "x.y.z"):
            try:
                ask(operation, by)
            except (FailureGroup, Failure) as fault:
                wrong.append(f"{operation.method} {operation.path}: {fault}")
        asked.append(f"{operation.method} {operation.path}")
    assert not wrong, "\n".join(wrong)
    assert len(asked) > 15, asked
    assert json_of(get(system.port, "/readyz"))["status"] == "ready"
