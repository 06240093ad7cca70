"""One round of the doctor: the machine, the store, the log."""

from __future__ import annotations

from collections.abc import Mapping

from shared.clock import SystemClock
from shared.embedded import EmbeddedServerError
from shared.log import LogUnavailable, WrongPartitions
from shared.redis_address import parse_address
from shared.redis_connection import REPLY_TIMEOUT_S
from shared.redis_links import links_to
from shared.settings import Environment
from tools.doctor import machine, store
from tools.doctor.findings import Finding, fault, ok, verdict_of, warning
from tools.open_log import open_log


async def examine(variables: Mapping[str, str], now_ms: int) -> list[Finding]:
    """Everything that can be seen from here, in the order in which things depend on each other."""
    findings, environment, settings = machine.look(variables, now_ms)
    if environment is None:
        return findings
    if environment.redis_url is not None:
        server = [finding async for finding in store.look_at_server(environment.redis_url)]
        findings += server
        if any(finding.check == "store" and finding.verdict == "fault" for finding in server):
            return findings
        url = environment.redis_url
    elif not (environment.data_dir / "valkey" / "url").exists():
        findings.append(ok("log", "there is none yet in the data folder"))
        return findings
    elif verdict_of(findings) == "fault":
        findings.append(warning("log", "not looked at", "mend the faults above first"))
        return findings
    else:
        url = ""
    try:
        findings += await _log(environment, url, settings, now_ms)
    except WrongPartitions as wrong:
        findings.append(fault("log", str(wrong), "the number is fixed when a log is created"))
    except (LogUnavailable, EmbeddedServerError) as away:
        findings.append(fault("log", str(away), "see what the store says"))
    return findings


async def _log(environment: Environment, url: str, settings: object, now_ms: int) -> list[Finding]:
    async with open_log(environment) as log:
        assert log is not None
        if not url:  # the embedded server, which runs now
            url = (environment.data_dir / "valkey" / "url").read_text().strip()
            embedded = [finding async for finding in store.look_at_server(url)]
        else:
            embedded = []
        links = links_to(parse_address(url), SystemClock(), REPLY_TIMEOUT_S, None)
        try:
            return embedded + [finding async for finding in store.look_at_log(log, links, settings, now_ms)]  # type: ignore[arg-type]
        finally:
            await links.close()
