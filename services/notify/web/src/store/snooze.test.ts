import { expect, test } from "vitest";
import { secondsUntil, snoozeUntil } from "./snooze";

const at = (hours: number, minutes: number, seconds = 0) => new Date(2026, 0, 15, hours, minutes, seconds).getTime();

test("until a time later today, or the same time tomorrow", () => {
  expect(secondsUntil("15:10", at(15, 0))).toBe(600);
  expect(secondsUntil("15:00", at(15, 0))).toBe(86_400);
  expect(secondsUntil("00:30", at(23, 30))).toBe(3600);
});

test("what is no time, too soon or too late says so", () => {
  expect(["", "25:00", "7:5"].map((time) => snoozeUntil(time, at(15, 0)))).toEqual(["empty", "empty", "empty"]);
  expect(snoozeUntil("15:01", at(15, 0, 30))).toBe("soon");
  expect(snoozeUntil("23:30", at(15, 0))).toBe("late");
  expect(snoozeUntil("23:00", at(15, 0))).toBe(28_800);
});
