"""The page has words for whatever the engine writes into an alert, in both languages, and none of them blames."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from services.scoring.core.alert_phases import T
from shared.contract.alerts import ALERT_KINDS, PHASES

TEXTS = Path(__file__).resolve().parents[2] / "services" / "notify" / "web" / "src" / "text"


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_page_has_words_for_every_step_phase_and_kind(language: str) -> None:
    words = json.loads((TEXTS / language / "alerts.json").read_text(encoding="utf-8"))
    reasons = [reason.value.replace(" ", "_") for reason in T if reason is not T.ROSE] + ["settled"]
    wanted = [f"step.{name}" for name in [*reasons, *PHASES]]
    wanted += [f"phase.{phase}" for phase in PHASES] + [f"kind.{kind}" for kind in ALERT_KINDS]
    assert [key for key in wanted if not words.get(key)] == []
