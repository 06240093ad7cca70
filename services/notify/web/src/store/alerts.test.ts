import { describe, expect, test } from "vitest";
import type { Alert } from "../contract";
import * as of from "./alerts";

const alert = (id: string, more: Partial<Alert> = {}): Alert => ({
  id, kind: "queue.strain", severity: "warning", phase: "open", tenant: "t", team: null,
  subject: { type: "queue", id: "Billing" }, strain: 70, title: id, title_zh: id, drivers: [], evidence: [],
  action: { code: "c", text: "", text_zh: "" }, opened_at: "2026-01-01T10:00:00Z", updated_at: "2026-01-01T10:00:00Z",
  owner: null, history: [], suppresses: [], ...more,
});
const frame = (cursor: string, of: Alert) => ({ kind: "alert" as const, cursor, alert: of });
const NONE: of.Alerts = new Map();
const ids = (alerts: Alert[]) => alerts.map((each) => each.id);

describe("the list of alerts", () => {
  test("a change seen already changes nothing at all", () => {
    const once = of.applyAlert(NONE, frame("c-1", alert("a")));
    expect(of.applyAlert(once, frame("c-1", alert("a", { title: "again" })))).toBe(once);
  });

  test("the newest opened comes first, and a later change does not move it", () => {
    const old = alert("old", { opened_at: "2026-01-01T09:00:00Z", updated_at: "2026-01-01T12:00:00Z" });
    const both = of.applyAlert(of.applyAlert(NONE, frame("c-1", alert("new"))), frame("c-2", old));
    expect(ids(of.current(both))).toEqual(["new", "old"]);
  });

  test("an alert that is over leaves the list for the short one", () => {
    const over = of.applyAlert(of.applyAlert(NONE, frame("c-1", alert("a"))), frame("c-2", alert("a", { phase: "resolved" })));
    expect([ids(of.current(over)), ids(of.resolved(over))]).toEqual([[], ["a"]]);
  });

  test("the short list stays short", () => {
    let alerts = NONE;
    for (let i = 10; i < 40; i++) {
      const over = alert(`a-${i}`, { phase: "resolved", updated_at: `2026-01-01T10:00:${i}Z` });
      alerts = of.applyAlert(alerts, frame(`c-${i}`, over));
    }
    expect(of.resolved(alerts)).toHaveLength(8);
    expect(of.resolved(alerts)[0]?.id).toBe("a-39");
  });

  test("a full list replaces the live ones and keeps what the page saw end", () => {
    const before = of.applyAlert(of.applyAlert(NONE, frame("c-1", alert("gone"))), frame("c-2", alert("over", { phase: "resolved" })));
    const now = of.replaceAll(before, [alert("fresh")]);
    expect([ids(of.current(now)), ids(of.resolved(now))]).toEqual([["fresh"], ["over"]]);
  });

  test("a held-back alert is apart, and names the one that covers it", () => {
    const alerts = of.replaceAll(NONE, [alert("cover", { suppresses: ["held"] }), alert("held", { phase: "suppressed" })]);
    expect([ids(of.current(alerts)), ids(of.suppressed(alerts))]).toEqual([["cover"], ["held"]]);
    expect(of.standsFor(alerts, "held")?.id).toBe("cover");
  });
});

describe("what is read aloud", () => {
  const known = of.applyAlert(NONE, frame("c-1", alert("a")));

  test("a new alert politely, a new critical one at once", () => {
    expect(of.announcement(NONE, alert("a"))).toBe("polite");
    expect(of.announcement(NONE, alert("a", { severity: "critical" }))).toBe("urgent");
  });

  test("one that turns critical at once, one that only changes not at all", () => {
    expect(of.announcement(known, alert("a", { severity: "critical" }))).toBe("urgent");
    expect(of.announcement(known, alert("a", { strain: 71 }))).toBe("none");
  });

  test("one that somebody looks after not at all", () => {
    expect(of.announcement(NONE, alert("a", { phase: "acknowledged", severity: "critical" }))).toBe("none");
  });
});

describe("asking to acknowledge", () => {
  const asked = of.withAsk(new Map(), "a", { state: "sent", at_ms: 1000 });

  test("the change itself is the answer", () => {
    expect(of.answered(asked, alert("a", { strain: 80 }))).toBe(asked);
    expect(of.answered(asked, alert("a", { phase: "acknowledged" })).size).toBe(0);
  });

  test("without an answer the button comes back with words", () => {
    expect(of.unanswered(asked, 1000 + of.ANSWER_LIMIT_MS, true)).toBe(asked);
    expect(of.unanswered(asked, 1001 + of.ANSWER_LIMIT_MS, true).get("a")).toEqual({ state: "failed", why: "late" });
    expect(of.unanswered(asked, 1001, false).get("a")).toEqual({ state: "failed", why: "lost" });
  });
});
