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
    expect(ids(of.needing(both))).toEqual(["new", "old"]);
  });

  test("a critical one stands before all that are not", () => {
    const old = alert("old", { opened_at: "2026-01-01T09:00:00Z", severity: "critical" });
    const both = of.applyAlert(of.applyAlert(NONE, frame("c-1", alert("new"))), frame("c-2", old));
    expect(ids(of.needing(both))).toEqual(["old", "new"]);
  });

  test("an alert that is over leaves the list for the short one", () => {
    const over = of.applyAlert(of.applyAlert(NONE, frame("c-1", alert("a"))), frame("c-2", alert("a", { phase: "resolved" })));
    expect([ids(of.needing(over)), ids(of.resolved(over))]).toEqual([[], ["a"]]);
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
    expect([ids(of.needing(now)), ids(of.resolved(now))]).toEqual([["fresh"], ["over"]]);
  });

  test("a held-back alert is apart, and names the one that covers it", () => {
    const alerts = of.replaceAll(NONE, [alert("cover", { suppresses: ["held"] }), alert("held", { phase: "suppressed" })]);
    expect([ids(of.needing(alerts)), ids(of.suppressed(alerts))]).toEqual([["cover"], ["held"]]);
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

  test("one that is back from being set aside politely", () => {
    const aside = of.applyAlert(known, frame("c-2", alert("a", { phase: "snoozed" })));
    expect(of.announcement(aside, alert("a"))).toBe("polite");
  });

  test("one that somebody looks after not at all", () => {
    expect(of.announcement(NONE, alert("a", { phase: "acknowledged", severity: "critical" }))).toBe("none");
  });
});

describe("places of alerts", () => {
  const step = (more: object) => ({ at: "2026-01-01T10:05:00Z", phase: "snoozed" as const, severity: "warning" as const, ...more });
  const all = of.replaceAll(NONE, [
    alert("open"),
    alert("escalated", { phase: "escalated" }),
    alert("mine", { phase: "acknowledged", owner: "kim" }),
    alert("theirs", { phase: "assigned", owner: "lee" }),
    alert("late", { phase: "snoozed", history: [step({ until: "2026-01-01T12:00:00Z", by: "kim" })] }),
    alert("soon", { phase: "snoozed", history: [step({ until: "2026-01-01T11:00:00Z", by: "kim" })] }),
    alert("well", { kind: "agent.recognition", severity: "notice" }),
    alert("thanked", { kind: "agent.recognition", severity: "notice", phase: "acknowledged", owner: "kim" }),
    alert("held", { phase: "suppressed" }),
  ]);

  test("each alert has one place, and good words are not among the problems", () => {
    expect(ids(of.needing(all))).toEqual(["open", "escalated"]);
    expect(ids(of.taken(all))).toEqual(["theirs", "mine"]);
    expect(ids(of.thanks(all))).toEqual(["well", "thanked"]);
    expect(ids(of.suppressed(all))).toEqual(["held"]);
  });

  test("what is set aside stands in the order in which it comes back", () => {
    expect(ids(of.setAside(all))).toEqual(["soon", "late"]);
    expect(of.returns_ms(of.setAside(all)[0] as Alert)).toBe(Date.parse("2026-01-01T11:00:00Z"));
    expect(of.returns_ms(alert("old server", { phase: "snoozed" }))).toBeNull();
  });

  test("names to hand on to are those seen, the latest first and each once", () => {
    const seen = of.replaceAll(all, [
      alert("a", { owner: "kim", updated_at: "2026-01-01T10:00:00Z", history: [step({ by: "lee", to: "ann" })] }),
    ]);
    expect(of.namesIn(seen)).toEqual(["lee", "ann", "kim"]);
  });
});
