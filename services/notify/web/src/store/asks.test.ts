import { describe, expect, test } from "vitest";
import type { Alert, Change, Phase } from "../contract";
import * as of from "./asks";

const alert = (more: Partial<Alert> = {}): Alert => ({
  id: "a", kind: "queue.strain", severity: "warning", phase: "open", tenant: "t", team: null,
  subject: { type: "queue", id: "Billing" }, strain: 70, title: "a", title_zh: "a", drivers: [], evidence: [],
  action: { code: "c", text: "", text_zh: "" }, opened_at: "2026-01-01T10:00:00Z", updated_at: "2026-01-01T10:00:00Z",
  owner: null, history: [], ...more,
});
const step = (reason: string, phase: Phase = "open", at = "2026-01-01T10:01:00Z"): Change => ({
  at, phase, severity: "warning", by: "kim", reason,
});
const sent = (frame: of.ActionFrame) => of.withAsk(new Map(), "a", { state: "sent", frame, at_ms: 1000 });

describe("asking for something", () => {
  test("the change itself is the answer", () => {
    const asked = sent({ kind: "acknowledge", alert: "a" });
    expect(of.answered(asked, alert(), alert({ strain: 80 }))).toBe(asked);
    expect(of.answered(asked, alert(), alert({ phase: "acknowledged" })).size).toBe(0);
  });

  test("each verb is answered by its own step, and by no earlier one", () => {
    const old = alert({ history: [step("noted", "open", "2026-01-01T10:00:30Z")] });
    const asked = sent({ kind: "note", alert: "a", text: "x" });
    expect(of.answered(asked, old, { ...old, strain: 80 })).toBe(asked);
    expect(of.answered(asked, old, { ...old, history: [...old.history, step("noted")] }).size).toBe(0);
    for (const [kind, reason, phase] of [
      ["snooze", "snoozed", "snoozed"], ["assign", "assigned", "assigned"], ["close", "closed", "resolved"],
    ] as const) {
      const frame = { kind, alert: "a", for_s: 600, to: "lee" } as of.ActionFrame;
      expect(of.answers(frame, alert(), alert({ phase, history: [step(reason, phase)] }))).toBe(true);
      expect(of.answers(frame, alert(), alert({ history: [step("noted")] }))).toBe(false);
    }
  });

  test("an alert that is over leaves nothing to ask", () => {
    expect(of.answered(sent({ kind: "snooze", alert: "a", for_s: 60 }), alert(), alert({ phase: "resolved" })).size).toBe(0);
  });

  test("a refusal stays to be read when the change of the other one comes", () => {
    const asked = of.withAsk(new Map(), "a", { state: "failed", why: "refused", detail: "lee was first." });
    expect(of.answered(asked, alert(), alert({ phase: "acknowledged" }))).toBe(asked);
  });

  test("without an answer the buttons come back with words", () => {
    const asked = sent({ kind: "acknowledge", alert: "a" });
    expect(of.unanswered(asked, 1000 + of.ANSWER_LIMIT_MS, true)).toBe(asked);
    expect(of.unanswered(asked, 1001 + of.ANSWER_LIMIT_MS, true).get("a")).toEqual({ state: "failed", why: "late" });
    expect(of.unanswered(asked, 1001, false).get("a")).toEqual({ state: "failed", why: "lost" });
  });
});

test("what may be done follows the phase", () => {
  expect(of.verbsFor(alert())).toEqual(["acknowledge", "assign", "snooze", "close", "note"]);
  expect(of.verbsFor(alert({ phase: "acknowledged" }))).toEqual(["assign", "snooze", "close", "note"]);
  expect(of.verbsFor(alert({ phase: "suppressed" }))).toEqual(["acknowledge", "close", "note"]);
  expect(of.verbsFor(alert({ phase: "resolved" }))).toEqual([]);
});
