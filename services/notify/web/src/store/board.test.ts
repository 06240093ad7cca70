import { describe, expect, test } from "vitest";
import type { BoardFrame } from "../contract";
import { createClock } from "../clock";
import type { Link } from "../feed/policy";
import { applyBoard, freshness, LINE_S, withPast, type BoardSeen } from "./board";

const START_MS = Date.parse("2026-01-01T10:00:00Z");
const board = (second: number, strain = 10, more: Partial<BoardFrame> = {}): BoardFrame => ({
  kind: "board", epoch: "e", cursor: "c", at: new Date(START_MS + second * 1000).toISOString(), agents: [],
  queues: [{ id: "__proto__", team: null, strain, drivers: [], waiting: 0, longest_wait_s: null }],
  data_age_s: 0.5, drivers_off: [], ...more,
});
const seen = (...frames: BoardFrame[]): BoardSeen =>
  frames.reduce<BoardSeen | null>((now, frame, i) => applyBoard(now, frame, i * 1000), null) as BoardSeen;
const line = (of: BoardSeen) => of.lines.get("__proto__");
const LIVE: Link = { state: "live" };

describe("the line of a queue", () => {
  test("is kept from the boards", () => {
    expect(line(seen(board(0, 10), board(1, 12)))?.strains).toEqual([10, 12]);
  });

  test("has a gap where the page was blind", () => {
    expect(line(seen(board(0, 10), board(30, 50)))?.strains).toEqual([10, null, 50]);
  });

  test("forgets what is older than its span", () => {
    expect(line(seen(board(0, 10), board(1, 11), board(LINE_S + 1, 12)))?.strains).toEqual([11, null, 12]);
  });

  test("keeps a point every five seconds, and the newest", () => {
    const strains = Array.from({ length: 12 }, (_, second) => board(second, second));
    expect(line(seen(...strains))?.strains).toEqual([0, 5, 10, 11]);
  });

  test("ends with its queue", () => {
    expect(seen(board(0), board(1, 0, { queues: [] })).lines.size).toBe(0);
  });

  test("starts again when time went back in a new epoch", () => {
    expect(line(seen(board(10, 10), board(5, 20, { epoch: "f" })))?.strains).toEqual([20]);
  });
});

describe("how far the board can be believed", () => {
  test("a board whose time does not advance is no news", () => {
    const first = seen(board(0));
    expect(applyBoard(first, board(0, 99), 9000)).toBe(first);
  });

  test("live while boards come", () => {
    expect(freshness(LIVE, seen(board(0)), 1000)).toEqual({ kind: "live", age_s: 1.5 });
  });

  test("stale after five seconds without one", () => {
    expect(freshness(LIVE, seen(board(0)), 5000).kind).toBe("live");
    expect(freshness(LIVE, seen(board(0)), 5001).kind).toBe("stale");
  });

  test("stale while boards come late, for they advance too", () => {
    const late = applyBoard(applyBoard(null, board(0), 0), board(1), 9000);
    expect(freshness(LIVE, late, 9000)).toMatchObject({ kind: "stale" });
    const caughtUp = applyBoard(late, board(10), 10_100);
    expect(freshness(LIVE, caughtUp, 10_100).kind).toBe("live");
  });

  test("live again some time after the server's clock was set back", () => {
    let now = applyBoard(null, board(20), 20_000);
    for (let s = 21; s < 600; s++) now = applyBoard(now, board(s - 10), s * 1000);
    expect(freshness(LIVE, now, 599_000).kind).toBe("live");
  });

  test("silent when boards come and events do not", () => {
    expect(freshness(LIVE, seen(board(0, 0, { data_age_s: 61 })), 0)).toEqual({ kind: "silent", age_s: 61 });
  });

  test("empty before the first event, never calm", () => {
    expect(freshness(LIVE, seen(board(0, 0, { data_age_s: null })), 0).kind).toBe("empty");
  });

  test("reconnecting with the age of what is shown", () => {
    const waiting: Link = { state: "waiting", attempt: 3, delay_ms: 9 };
    expect(freshness(waiting, seen(board(0)), 7000)).toEqual({ kind: "reconnecting", attempt: 3, age_s: 7.5 });
  });

  test("connecting at first, and while joined without a board", () => {
    expect(freshness({ state: "connecting", attempt: 1 }, null, 0).kind).toBe("connecting");
    expect(freshness(LIVE, null, 0).kind).toBe("connecting");
  });
});

describe("the clock of the page", () => {
  test("counts sleep, and is not fooled by a wall clock set back", () => {
    let [wall, steady] = [1000, 1000];
    const now = createClock(() => wall, () => steady);
    [wall, steady] = [61_000, 1000];
    expect(now()).toBe(60_000);
    [wall, steady] = [0, 3000];
    expect(now()).toBe(62_000);
  });
});

describe("what was before the page was opened", () => {
  const live = { times_s: [1000, 1005], strains: [40, 41] };

  test("stands before the line, as far as it belongs there", () => {
    const past = { times_s: [340, 400, 460, 940, 1000], strains: [1, 2, 3, 4, 5] };
    expect(withPast(live, past)).toEqual({ times_s: [460, 940, 1000, 1005], strains: [3, 4, 40, 41] });
  });

  test("is joined with a gap when it ends too early", () => {
    expect(withPast(live, { times_s: [700], strains: [7] }).strains).toEqual([7, null, 40, 41]);
  });

  test("changes nothing when there is none of it", () => {
    expect(withPast(live, undefined)).toBe(live);
    expect(withPast(live, { times_s: [], strains: [] })).toBe(live);
    expect(withPast(live, { times_s: [100], strains: [1] })).toBe(live);
    expect(withPast({ times_s: [], strains: [] }, { times_s: [700], strains: [7] }).times_s).toEqual([]);
  });
});
