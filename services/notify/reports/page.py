"""The report as a page: one `<main class="report">` in a document that stands alone and prints well."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

from services.notify.core.shift_words import PART_WORDS, amount
from services.notify.reports.markup import Markup, bar, element, joined, name, table, text
from services.notify.reports.words import LANGUAGES, MONTHS, WEEKDAYS, WORDS, Language, word
from shared.contract.reports import AlertLine, ShiftReport, Words

CSS = (Path(__file__).parent / "report.css").read_text("utf-8")
_digest = base64.b64encode(sha256(CSS.encode()).digest()).decode()
CONTENT_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_digest}'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""Nothing in a report is fetched or runs."""
_MISSED_S = 120
"""Time that was not counted, from which on it is said: a minute is always under way."""
_MUCH_ABOVE = 1.25
"""Of the usual; from here on the number is set off. Product choice."""


def document(report: ShiftReport, language: Language) -> str:
    """The whole page."""
    page = _Page(report, language)
    return (
        f'<!doctype html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{word('title', language)}</title>\n<style>{CSS}</style>\n</head>\n"
        f"<body>\n{page.main()}\n</body>\n</html>\n"
    )


class _Page:
    def __init__(self, report: ShiftReport, language: Language) -> None:
        self._r, self._language = report, language
        self._zh = language == "zh-CN"
        self._zone = ZoneInfo(report.period.zone)

    # --- words and numbers

    def _w(self, key: str, **values: str) -> str:
        return word(key, self._language, **values)

    def _said(self, words: Words) -> str:
        return words.text_zh if self._zh else words.text

    def _percent(self, share: float | None) -> str:
        return self._w("unknown") if share is None else f"{100 * share:.0f}{'%' if self._zh else ' %'}"

    def _against(self, ratio: float | None) -> str:
        if ratio is None:
            return self._w("unknown")
        shown = f"× {ratio:.1f}" if ratio >= 2 else self._percent(ratio)
        return element("strong", shown) if ratio >= _MUCH_ABOVE else shown

    def _length(self, seconds: float | None) -> str:
        if seconds is None:
            return self._w("unknown")
        if seconds < 100:
            return self._w("s", n=f"{seconds:.0f}")
        minutes = round(seconds / 60)
        return (
            self._w("min", n=f"{minutes:,}")
            if minutes < 120
            else self._w("h", h=f"{minutes // 60:,}", m=str(minutes % 60))
        )

    def _money(self, value: float | None) -> str:
        return self._w("unknown") if value is None else amount(value, self._r.value.currency)

    def _at(self, when: str) -> datetime:
        return datetime.fromisoformat(when).astimezone(self._zone)

    def _day(self, at: datetime) -> str:
        if self._zh:
            return f"{at.year}年{at.month}月{at.day}日 {WEEKDAYS[at.weekday()][1]} {at:%H:%M}"
        return f"{WEEKDAYS[at.weekday()][0]} {at.day} {MONTHS[at.month - 1]} {at.year}, {at:%H:%M}"

    def _clock(self, when: str) -> Markup:
        return element("time", f"{self._at(when):%H:%M}", datetime=when)

    # --- parts

    def main(self) -> Markup:
        r = self._r
        parts = [self._header()]
        if r.period.known_s <= 0 and not r.alerts and not r.surges:
            parts.append(element("p", self._w("nothing"), class_="report-empty"))
        else:
            parts += [
                self._glance(),
                self._section("surged", self._alerts(r.surges) if r.surges else self._none("no_surges")),
                self._section("issues", self._issues()),
                self._section("well", self._well()),
                self._section("done", self._done()),
                self._section("value", self._value()),
                self._section("queues", self._queues()),
                self._section("departments", self._departments()),
            ]
            if r.people:
                parts.append(self._section("people", self._people()))
        parts.append(element("footer", element("p", self._w("footer", at=self._day(self._at(r.made_at))))))
        return element("main", *parts, class_="report", lang=self._language)

    def _section(self, key: str, *content: str) -> Markup:
        return element(
            "section", element("h2", self._w(key), id=f"report-{key}"), *content, aria_labelledby=f"report-{key}"
        )

    def _none(self, key: str) -> Markup:
        return element("p", self._w(key), class_="report-none")

    def _note(self, content: str) -> Markup:
        return element("p", content, class_="report-note")

    def _header(self) -> Markup:
        r = self._r
        begin, end = self._at(r.period.from_), self._at(r.period.to)
        until = f"{end:%H:%M}" if begin.date() == end.date() else self._day(end)
        # The tenant's name goes in as markup, so the sentence around it is made of escaped halves.
        sentence = text(self._w("of", tenant="\u2063", from_=self._day(begin), to=until))
        teams = joined((name(t) for t in r.teams if t != "*"), "、" if self._zh else ", ")
        of_teams = text(self._w("teams", teams="\u2063")).replace("\u2063", teams or text(self._w("every_team")))
        parts = [
            element("h1", self._w("title")),
            element("p", Markup(sentence.replace("\u2063", name(r.tenant))), class_="report-period"),
            element("p", Markup(of_teams), " · ", self._w("zone", zone=r.period.zone), class_="report-scope"),
        ]
        whole = (end - begin).total_seconds()
        if 0 < r.period.known_s < whole - _MISSED_S:
            known = self._w("partly", known=f"{r.period.known_s / 60:.0f}", whole=f"{whole / 60:.0f}")
            parts.append(self._note(known))
        if not r.alerts_whole:
            parts.append(self._note(self._w("alerts_cut")))
        return element("header", *parts)

    def _glance(self) -> Markup:
        f = self._r.floor
        usual = [self._w("against_usual") + " ", self._against(f.against_usual)] if f.against_usual is not None else []
        repeats = [self._w("repeat_share", share=self._percent(f.repeat_share))] if f.repeat_share is not None else []
        cards = [
            self._card("offered", f"{f.offered:,}", *usual),
            self._card(
                "in_time", self._percent(f.in_time_share), f"{self._w('mean_wait')} {self._length(f.mean_wait_s)}"
            ),
            self._card("abandoned", f"{f.abandoned:,}"),
            self._card("repeats", f"{f.repeats:,}", *repeats),
            self._card("resolved", self._percent(f.resolved_share)),
        ]
        value = self._r.value
        if value.total is not None:
            money = amount(value.total, value.currency)
            cards.append(self._card("value", money, style="report-number report-money"))
        return element(
            "section",
            element("h2", self._w("at_a_glance"), class_="report-hidden", id="report-glance"),
            element("dl", *cards, class_="report-cards"),
            aria_labelledby="report-glance",
        )

    def _card(self, key: str, number: str, *more: str, style: str = "report-number") -> Markup:
        below = [element("dd", *more, class_="report-more")] if more else []
        return element("div", element("dt", self._w(key)), element("dd", number, class_=style), *below)

    def _alerts(self, alerts: Sequence[AlertLine]) -> Markup:
        return element("ul", *(self._alert(a) for a in alerts), class_="report-alerts")

    def _alert(self, a: AlertLine) -> Markup:
        when = text(self._w("until" if a.ended_at else "since", from_="\u2063", to="\u2064"))
        when = Markup(when.replace("\u2063", self._clock(a.opened_at)))
        times = Markup(when.replace("\u2064", self._clock(a.ended_at))) if a.ended_at else when
        facts: list[str] = [times]
        if a.acted_by is not None:
            sentence = text(self._w("taken_up", by="\u2063", after=self._length(a.acted_after_s)))
            facts.append(Markup(sentence.replace("\u2063", name(a.acted_by))))
        else:
            facts.append(self._w("nobody"))
        if a.escalated:
            facts.append(self._w("escalated"))
        reasons = [element("li", name(self._said(reason))) for reason in a.reasons]
        return element(
            "li",
            element("h3", name(self._said(a.title))),
            element("p", joined(facts, " · "), class_="report-facts"),
            element("ul", *reasons, class_="report-reasons") if reasons else "",
            class_=f"report-alert report-{'critical' if a.severity == 'critical' else 'other'}",
        )

    def _issues(self) -> Markup:
        if not self._r.issues:
            return self._none("no_issues")
        heads = [
            self._w(key)
            for key in ("issue", "cost", "contacts", "against_usual", "waiting", "repeats", "strain_minutes")
        ]
        rows = [
            [
                name(i.id), self._part(i.cost_share), f"{i.contacts:,}", self._against(i.against_usual),
                self._length(60 * i.wait_min), f"{i.repeats:,}",
                f"{i.strain_minutes:,.0f}",
            ]
            for i in self._r.issues
        ]  # fmt: skip
        return joined([table(self._w("issues"), heads, rows), self._note(self._w("cost_note"))])

    def _part(self, share: float) -> Markup:
        return joined([bar(share), element("span", self._percent(share))])

    def _well(self) -> Markup:
        if not self._r.well:
            return self._none("no_well")
        return element("ul", *(element("li", name(self._said(w))) for w in self._r.well), class_="report-well")

    def _done(self) -> Markup:
        r = self._r
        if not r.done:
            return self._none("no_alerts")
        heads = [self._w(key) for key in ("kind", "opened", "acted", "acted_p50", "escalations")]
        rows = [
            [
                self._w(k.kind) if k.kind in WORDS else name(k.kind), f"{k.opened:,}", f"{k.acted:,}",
                self._length(k.acted_p50_s), f"{k.escalated:,}",
            ]
            for k in r.done
        ]  # fmt: skip
        parts = [table(self._w("done"), heads, rows)]
        if r.alerts:
            parts += [element("h3", self._w("other_alerts"), class_="report-sub"), self._alerts(r.alerts)]
        return joined(parts)

    def _value(self) -> Markup:
        v, language = self._r.value, LANGUAGES.index(self._language)
        heads = [self._w(key) for key in ("what", "number", "each", "worth")]
        rows = []
        for part in v.parts:
            label = PART_WORDS[part.code][language]
            unknown = part.code == "repeats_avoided" and v.repeats_usual is None
            count = self._w("unknown") if unknown else f"{part.count:,g}"
            rows.append([label[:1].upper() + label[1:], count, self._money(part.unit_value), self._money(part.value)])
        total = [self._w("sum"), "", "", amount(v.total, v.currency)] if v.total is not None else []
        repeats = self._w("repeats_unknown")
        if v.repeats_usual is not None:
            repeats = self._w("repeats_note", usual=f"{v.repeats_usual:g}", had=str(v.repeats_had))
        return joined(
            [
                table(self._w("value"), heads, rows, total=total),
                element(
                    "p", element("strong", self._w("formula")), " ", self._said(v.formula), class_="report-formula"
                ),
                self._note(repeats),
            ]
        )

    def _queues(self) -> Markup:
        keys = ("queue", "offered", "against_usual", "in_time", "mean_wait", "abandoned", "over_line", "strain_minutes")
        rows = [
            [
                name(q.id), f"{q.offered:,}", self._against(q.against_usual),
                joined([self._percent(q.in_time_share), self._goal(q.goal)], " "),
                self._length(q.mean_wait_s), f"{q.abandoned:,}", self._length(60 * q.over_line_min),
                f"{q.strain_minutes:,.0f}",
            ]
            for q in self._r.queues
        ]  # fmt: skip
        return table(self._w("queues"), [self._w(key) for key in keys], rows)

    def _goal(self, goal: float) -> Markup:
        return element("small", self._w("goal", goal=self._percent(goal)))

    def _departments(self) -> Markup:
        if not self._r.departments:
            return self._none("no_departments")
        heads = [self._w(key) for key in ("department", "contacts", "complaints", "compliments", "unresolved", "about")]
        comma = "、" if self._zh else ", "
        rows = [
            [
                name(d.id), f"{d.contacts:,}", f"{d.complaints:,}", f"{d.compliments:,}", f"{d.unresolved:,}",
                joined((joined([name(i.id), f" {i.complaints + i.compliments:,}"]) for i in d.issues[:6]), comma)
                or self._w("unknown"),
            ]
            for d in self._r.departments
        ]  # fmt: skip
        return table(self._w("departments"), heads, rows)

    def _people(self) -> Markup:
        heads = [self._w(key) for key in ("group", "agents", "breaks", "people_over_line")]
        rows = [
            [
                self._w("everybody") if p.team is None else name(p.team), f"{p.agents_mean:g}", f"{p.break_min:,.0f}",
                f"{p.over_line_min:,.0f}",
            ]
            for p in self._r.people
        ]  # fmt: skip
        return table(self._w("people"), heads, rows)
