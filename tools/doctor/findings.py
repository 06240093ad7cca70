"""What the doctor found: one line each, with what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

Verdict = Literal["ok", "warning", "fault"]
_MARKS: dict[Verdict, str] = {"ok": "  ok   ", "warning": " warn  ", "fault": "FAULT  "}


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """`check` names what was looked at; `advice` is there where something can be done."""

    check: str
    verdict: Verdict
    found: str
    advice: str = ""


def ok(check: str, found: str) -> Finding:
    """All is well."""
    return Finding(check, "ok", found)


def warning(check: str, found: str, advice: str) -> Finding:
    """It runs, and somebody should look."""
    return Finding(check, "warning", found, advice)


def fault(check: str, found: str, advice: str) -> Finding:
    """It does not run, or not for long, or may lose something."""
    return Finding(check, "fault", found, advice)


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """The worst of them."""
    verdicts = {finding.verdict for finding in findings}
    return "fault" if "fault" in verdicts else "warning" if "warning" in verdicts else "ok"


def as_text(findings: Sequence[Finding]) -> str:
    """A line for each, its advice below."""
    lines = []
    for finding in findings:
        lines.append(f"{_MARKS[finding.verdict]}{finding.check}: {finding.found}")
        if finding.advice:
            lines.append(f"         -> {finding.advice}")
    counts = {verdict: sum(finding.verdict == verdict for finding in findings) for verdict in _MARKS}
    lines.append(f"{len(findings)} checks: {counts['fault']} faults, {counts['warning']} warnings")
    return "\n".join(lines)


def as_json(findings: Sequence[Finding]) -> str:
    """One object: the worst verdict, and all findings."""
    return msgspec.json.encode({"verdict": verdict_of(findings), "findings": findings}).decode()
