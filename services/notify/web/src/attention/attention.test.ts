import { describe, expect, test } from "vitest";
import type { Alert } from "../contract";
import { replaceAll, type Alerts } from "../store/alerts";
import { gravest, occasions } from "./occasions";
import { createOnce } from "./once";
import { DEFAULTS, isQuiet, read } from "./prefs";

const alert = (id: string, more: Partial<Alert> = {}): Alert => ({
  id, kind: "queue.strain", severity: "warning", phase: "open", tenant: "t", team: null,
  subject: { type: "queue", id: "Billing" }, strain: 70, title: id, title_zh: id, drivers: [], evidence: [],
  action: { code: "c", text: "", text_zh: "" }, opened_at: "2026-01-01T10:00:00Z", updated_at: "2026-01-01T10:00:00Z",
  owner: null, history: [], ...more,
});
const list = (...alerts: Alert[]): Alerts => replaceAll(new Map(), alerts);
const why = (before: Alert | null, after: Alert) =>
  occasions(before ? list(before) : list(), list(after)).map((each) => each.why);

describe("what is worth a sound", () => {
  test("nothing that was there when the page opened", () => {
    expect(occasions(null, list(alert("a")))).toEqual([]);
  });

  test("a new one, one that is worse, one that was passed on, one that is back", () => {
    expect(why(null, alert("a"))).toEqual(["new"]);
    expect(why(alert("a"), alert("a", { severity: "critical" }))).toEqual(["worse"]);
    expect(why(alert("a"), alert("a", { phase: "escalated" }))).toEqual(["escalated"]);
    expect(why(alert("a", { phase: "snoozed" }), alert("a"))).toEqual(["back"]);
    expect(why(alert("a", { phase: "suppressed" }), alert("a"))).toEqual(["new"]);
  });

  test("not every change, nothing held back, set aside or over, and no thank you", () => {
    expect(why(alert("a"), alert("a", { strain: 90 }))).toEqual([]);
    expect(why(alert("a", { severity: "critical" }), alert("a"))).toEqual([]);
    for (const phase of ["suppressed", "snoozed", "resolved", "acknowledged", "assigned"] as const) {
      expect(why(null, alert("a", { phase }))).toEqual([]);
    }
    expect(why(null, alert("a", { kind: "agent.recognition" }))).toEqual([]);
  });

  test("one that became worse after it was taken", () => {
    expect(why(alert("a", { phase: "assigned" }), alert("a", { phase: "assigned", severity: "critical" }))).toEqual(["worse"]);
  });

  test("the key is the same in every tab, and another for each step", () => {
    const key = (before: Alert | null, after: Alert) => occasions(before ? list(before) : list(), list(after))[0]?.key;
    expect(key(null, alert("a"))).toBe(key(alert("a", { phase: "suppressed" }), alert("a")));
    expect(key(null, alert("a"))).not.toBe(key(alert("a"), alert("a", { severity: "critical" })));
    const back = alert("a", { history: [{ at: "t1", phase: "open", severity: "warning", reason: "snooze is over" }] });
    expect(key(null, alert("a"))).not.toBe(key(alert("a", { phase: "snoozed" }), back));
  });

  test("of many that came together the gravest speaks", () => {
    const all = occasions(list(), list(alert("a"), alert("b", { severity: "critical" }), alert("c")));
    expect(gravest(all)?.alert.id).toBe("b");
  });
});

describe("one voice for many tabs", () => {
  /** Locks as the browser has them, for all tabs of a test. */
  const sharedLocks = () => {
    const held = new Set<string>();
    return {
      async request(name: string, _: unknown, then: (lock: object | null) => Promise<void> | undefined) {
        if (held.has(name)) return then(null);
        held.add(name);
        await then({ name });
        held.delete(name);
      },
    } as unknown as LockManager;
  };
  const channels = (count: number) => {
    const all = Array.from({ length: count }, () => ({ onmessage: null as ((message: { data: string }) => void) | null }));
    return all.map((mine) =>
      Object.assign(mine, {
        postMessage: (data: string) => all.forEach((each) => each !== mine && each.onmessage?.({ data })),
      }),
    ) as unknown as BroadcastChannel[];
  };
  const winners = async (tabs: ReturnType<typeof createOnce>[], key: string) =>
    (await Promise.all(tabs.map((tab) => tab.claim(key)))).filter(Boolean).length;

  test("ten tabs with locks", async () => {
    const locks = sharedLocks();
    const tabs = channels(10).map((channel) => createOnce(locks, channel));
    expect(await winners(tabs, "a")).toBe(1);
    expect(await winners(tabs, "a")).toBe(0);
    expect(await winners(tabs, "b")).toBe(1);
  });

  test("ten tabs without locks", async () => {
    let turn = 0;
    const tabs = channels(10).map((channel) => createOnce(undefined, channel, () => ++turn / 20));
    expect(await winners(tabs, "a")).toBe(1);
  });

  test("a tab that is alone, with nothing to ask", async () => {
    const tab = createOnce(undefined, undefined, () => 0);
    expect([await tab.claim("a"), await tab.claim("a")]).toEqual([true, false]);
  });

  test("two sounds of one kind at once are one noise", async () => {
    const locks = sharedLocks();
    const [one, two] = channels(2).map((channel) => createOnce(locks, channel));
    expect([await one?.silence("warning"), await two?.silence("warning"), await two?.silence("critical")]).toEqual([
      true, false, true,
    ]);
  });
});

describe("what this person wants", () => {
  test("sound is off until it is asked for, and what makes no sense is the default", () => {
    expect(read(null)).toEqual(DEFAULTS);
    expect(DEFAULTS.sound || DEFAULTS.desktop).toBe(false);
    for (const kept of ["", "x", "null", "[]", '{"volume":7,"from":"25:00","sound":"yes"}']) expect(read(kept)).toEqual(DEFAULTS);
    expect(read('{"sound":true,"volume":0.3,"from":"21:30"}')).toEqual({ ...DEFAULTS, sound: true, volume: 0.3, from: "21:30" });
  });

  test("quiet hours may pass midnight", () => {
    const night = { ...DEFAULTS, quiet: true, from: "22:00", to: "07:00" };
    expect([21 * 60 + 59, 22 * 60, 0, 6 * 60 + 59, 7 * 60].map((now) => isQuiet(night, now))).toEqual([
      false, true, true, true, false,
    ]);
    const noon = { ...night, from: "12:00", to: "13:00" };
    expect([11 * 60, 12 * 60, 13 * 60].map((now) => isQuiet(noon, now))).toEqual([false, true, false]);
    expect(isQuiet({ ...night, quiet: false }, 0)).toBe(false);
  });
});
