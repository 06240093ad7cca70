"""Stores of several servers for the tests that ask for them; and at the end what was run, and how it ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.cluster.nodes import ClusterStore, SentinelStore

KINDS = {
    "unit": "pure parts, no event loop",
    "cluster": "Redis Cluster and Sentinel: slots that move, failovers under load",
    "contract": "golden samples, every log adapter, each service over its real protocol",
    "simulation": "whole runs from one seed",
    "operations": "alerts, dashboards and manifests, by the tools that read them",
    "acceptance": "the installed program as a person starts it",
    "chaos": "the tools of `make chaos`: the oracle and the fault proxy can tell and do what they say",
    "browser": "the page in a real browser",
    "deploy": "the image and the stack in a real container engine",
}


@pytest.fixture(scope="session")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterStore]:
    """Three masters that nobody kills."""
    from tests.cluster.nodes import running_cluster

    with running_cluster(tmp_path_factory.mktemp("cluster"), replicas=False) as store:
        yield store


@pytest.fixture
def cluster_store(shared_cluster: ClusterStore) -> ClusterStore:
    """The shared cluster, empty."""
    shared_cluster.run("FLUSHALL")
    return shared_cluster


@pytest.fixture(scope="session")
def shared_sentinel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SentinelStore]:
    """A server behind a sentinel; nobody kills them."""
    from tests.cluster.nodes import running_sentinel

    with running_sentinel(tmp_path_factory.mktemp("sentinel"), replicas=0, sentinels=1) as store:
        yield store


@pytest.fixture
def sentinel_store(shared_sentinel: SentinelStore) -> SentinelStore:
    """The shared server behind a sentinel, empty."""
    shared_sentinel.run("FLUSHALL")
    return shared_sentinel


OUTCOMES = ("passed", "failed", "error", "skipped", "xfailed", "xpassed")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    counts: dict[str, Counter[str]] = {}
    for outcome in OUTCOMES:
        for report in terminalreporter.stats.get(outcome, ()):
            parts = str(getattr(report, "nodeid", "")).split("/")
            kind = parts[1] if len(parts) > 2 and parts[0] == "tests" else "other"
            counts.setdefault(kind, Counter())[outcome] += 1
    if not counts:
        return
    terminalreporter.section("what was run")
    for kind in (*(kind for kind in KINDS if kind in counts), *sorted(counts.keys() - KINDS.keys())):
        told = ", ".join(f"{number} {outcome}" for outcome, number in counts[kind].items())
        terminalreporter.line(f"{kind:<12}{told:<32}{KINDS.get(kind, '')}")
