"""The life of an alert as a diagram in the docs, drawn from the table of transitions."""

from __future__ import annotations

from pathlib import Path

from services.scoring.core.alert_phases import TRANSITIONS, WORDS, P, T

PAGE = Path("docs/alert-life.md")

_HEAD = """\
# The life of an alert

Drawn from the table in `services/scoring/core/alert_phases.py` by `make contract`; change it there.

An alert is *pending* while its line is held and nobody is told yet. Each arrow is what happens to it, in the words that
stand in its history. What leaves the phase as it is (a note; getting worse while somebody has it) is listed below.

```mermaid
stateDiagram-v2
    direction LR
"""


def page() -> str:
    """The page: a Mermaid state diagram, one arrow for each pair of phases, and the steps that stay in a phase."""
    arrows: dict[tuple[P, P], list[T]] = {}
    for (phase, trigger), new in TRANSITIONS.items():
        arrows.setdefault((phase, new), []).append(trigger)
    lines = [
        f"    {_name(phase)} --> {'[*]' if phase is P.PENDING and new is P.NONE else _name(new, WORDS[P.NONE])}: "
        f"{', '.join(t.value for t in triggers)}\n"
        for (phase, new), triggers in arrows.items()
        if phase is not new
    ]
    stays = [
        f"| {_name(phase)} | {', '.join(t.value for t in triggers)} |\n"
        for (phase, new), triggers in arrows.items()
        if phase is new
    ]
    ended = f"    {WORDS[P.NONE]} --> [*]\n"
    return "".join((_HEAD, *lines, ended, "```\n\n| stays | after |\n|---|---|\n", *stays))


def _name(phase: P, nothing: str = "[*]") -> str:
    """A phase as the diagram names it; `nothing` for no alert at all."""
    return nothing if phase is P.NONE else WORDS.get(phase, phase.name.lower())
