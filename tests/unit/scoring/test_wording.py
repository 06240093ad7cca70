"""Words: every code has both languages, and no text blames or claims to know what it does not measure."""

from __future__ import annotations

import re

import pytest

from services.scoring.core import wording
from services.scoring.core.agent_drivers import AGENT_DRIVERS
from services.scoring.core.alert_kinds import KINDS
from services.scoring.core.alert_phases import WORDS, T
from services.scoring.core.queue_drivers import QUEUE_DRIVERS
from services.scoring.core.wording_say import SAY, suggested

DRIVERS = [*(d.name for d in AGENT_DRIVERS), *(d.name for d in QUEUE_DRIVERS)]
TITLES = [*KINDS, "feed.late"]
HAN = re.compile("[\u4e00-\u9fff]")

BLAMES = re.compile(
    r"\b(slow(ly|er)?|lazy|laziness|poor(ly)?|under-?perform\w*|fault|must|fail(s|ed|ure)?|bad|worst|weak|blame\w*"
    r"|should have|too long|mistake\w*|incompetent|careless|punish\w*|disciplin\w*|warn(ed|ing)? (him|her|them)"
    r"|rank(s|ed|ing)?|target|productivity|efficien\w*|emotion\w*|mood\w*|burn-?out|stress\w*|tired|exhaust\w*)\b",
    re.IGNORECASE,
)
BLAMES_ZH = re.compile(
    "太慢|慢吞|懒|表现差|表现不佳|责任|过错|犯错|失误|必须|批评|处罚|惩|排名|低效|效率|情绪|倦怠|心情|疲惫|崩溃"
)


def texts() -> list[tuple[str, str]]:
    out = [wording.driver_text(name, value) for name in DRIVERS for value in (None, 0.0, 3.25, 61.0, 4000.0)]
    out += [wording.title(code, "队列 1", silence_s) for code in TITLES for silence_s in (0.0, 45.0, 3600.0)]
    out += [wording.longer_in_queue("队列 1", 120.0), wording.longer_everywhere(80.0)]
    out += [wording.cause_text("issue-1", 31.0, 4.5, repeats, 12.0) for repeats in (None, 0.0, 0.25)]
    out += [wording.rest_text(7.0), wording.settled_title("queue-1", 121.0)]
    return [*out, *wording.ACTIONS.values(), *SAY.values()]


@pytest.mark.parametrize("name", DRIVERS)
def test_every_driver_speaks_english_and_chinese(name: str) -> None:
    for value in (None, 0.0, 12.34, 1e6):
        en, zh = wording.driver_text(name, value)
        assert en
        assert HAN.search(zh)
        assert not HAN.search(en)
        assert "{" not in en + zh
        assert "nan" not in en + zh


def test_every_kind_of_alert_has_a_title_that_names_its_subject() -> None:
    for code in TITLES:
        en, zh = wording.title(code, "agent-7", 3600.0, 4)
        assert HAN.search(zh)
        assert "{" not in en + zh
        if not code.startswith("feed."):
            assert "agent-7" in en
            assert "agent-7" in zh


SUGGESTED = (
    {wording.agent_action(strongest) for strongest in (None, *(d.name for d in AGENT_DRIVERS))}
    | {wording.queue_action(strongest) for strongest in (None, *(d.name for d in QUEUE_DRIVERS))}
    | {wording.team_action(strongest) for strongest in (None, *(d.name for d in AGENT_DRIVERS))}
    | {"feed.check", "handle_times.plan", wording.agent_action("handle_time", new_issue=True)}
    | {"agent.ease", "agent.break_now", "agent.thank", "campaign.pause"}
    | {"surge.staff", "surge.announce", "surge.plan"}
    | {"feed.check", wording.agent_action("handle_time", new_issue=True)}
)


def test_every_alert_suggests_an_action_in_both_languages() -> None:
    for code in SUGGESTED:
        en, zh = wording.ACTIONS[code]
        assert en
        assert HAN.search(zh)


def test_every_action_is_suggested_by_something() -> None:
    assert wording.ACTIONS.keys() == SUGGESTED


def test_every_action_comes_with_words_to_say_in_both_languages() -> None:
    assert SAY.keys() == wording.ACTIONS.keys()
    for code, (en, zh) in SAY.items():
        assert "“" not in en + zh, "whoever shows them puts them in quotes"
        assert not HAN.search(en)
        assert HAN.search(zh)
        assert len(en) <= 120, "short enough to say in one breath"
        assert (suggested(code).say, suggested(code).say_zh) == (en, zh)


def test_words_to_say_are_not_told_twice() -> None:
    for code in ("agent.break", "agent.talk", "agent.thank"):
        assert "“" not in "".join(wording.ACTIONS[code])


def test_no_text_blames_anybody_or_speaks_of_what_is_not_measured() -> None:
    for en, zh in texts():
        assert not BLAMES.search(en), en
        assert not BLAMES_ZH.search(zh), zh
    for trigger in T:
        assert not BLAMES.search(trigger.value)
    for word in WORDS.values():
        assert not BLAMES.search(word)


def test_the_list_of_blaming_words_finds_them() -> None:
    for text in ("This agent is slow", "poor performance", "You must hurry", "it is her fault", "signs of burnout"):
        assert BLAMES.search(text)
    for text in ("处理太慢", "这是他的责任", "情绪低落"):
        assert BLAMES_ZH.search(text)


def test_a_name_is_never_read_as_a_format() -> None:
    en, zh = wording.title("agent.strain", "{silence} {subject} {0} %s", 60.0)
    assert "{silence} {subject} {0} %s" in en
    assert "{silence} {subject} {0} %s" in zh


@pytest.mark.parametrize(("name", "usual"), [("handle_time", 1.0), ("excess_wait", 0.0)])
def test_a_last_contact_that_was_as_usual_is_no_number_of_a_reason(name: str, usual: float) -> None:
    for value in (None, usual, usual - 0.3):
        assert not any(re.search(r"\d", text) for text in wording.driver_text(name, value))
    assert all(re.search(r"\d", text) for text in wording.driver_text(name, usual + 40.0))
