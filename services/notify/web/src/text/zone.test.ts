import { describe, expect, test } from "vitest";
import { momentAt, wallClock } from "./zone";

const at = (text: string) => Date.parse(text);

describe("the clock on the wall", () => {
  test.each([
    ["2026-03-02T08:14:00Z", "Europe/Madrid", "2026-03-02T09:14"],
    ["2026-07-02T08:14:00Z", "Europe/Madrid", "2026-07-02T10:14"],
    ["2026-03-01T20:30:59Z", "Asia/Shanghai", "2026-03-02T04:30"],
    ["2026-03-02T02:45:00Z", "Asia/Kathmandu", "2026-03-02T08:30"],
  ])("%s in %s is %s, and back", (moment, zone, wall) => {
    expect(wallClock(at(moment), zone)).toBe(wall);
    expect(momentAt(wall, zone)).toBe(Math.floor(at(moment) / 60_000) * 60_000);
  });

  test("of the hour that comes twice the first is meant", () => {
    expect(momentAt("2026-10-25T02:30", "Europe/Madrid")).toBe(at("2026-10-25T00:30:00Z"));
  });

  test("the hour that never comes is taken an hour on", () => {
    const moment = momentAt("2026-03-29T02:30", "Europe/Madrid");
    expect(moment).toBe(at("2026-03-29T01:30:00Z"));
    expect(wallClock(moment ?? 0, "Europe/Madrid")).toBe("2026-03-29T03:30");
  });

  test("what is no time is none", () => {
    expect(["", "2026-13-01T00:00", "yesterday"].map((wall) => momentAt(wall, "UTC"))).toEqual([null, null, null]);
  });
});
