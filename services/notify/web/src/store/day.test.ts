import { describe, expect, test } from "vitest";
import type { SubjectCourse } from "../contract";
import { peakOf, quartersOf, spanOf } from "./day";

const START_MS = Date.parse("2026-01-01T10:00:00Z");
const course = (minutes: number[], strain: (number | null)[], more: Partial<SubjectCourse> = {}): SubjectCourse => ({
  type: "queue", id: "Billing", team: null, step_s: 60, at: minutes.map((minute) => START_MS + minute * 60_000), strain,
  drivers: [], waiting: strain.map(() => 3), longest_wait_s: strain.map(() => null), predicted_wait_s: strain.map(() => 4),
  agents: strain.map(() => 5), alerts: [], ...more,
});

describe("the span of a chart", () => {
  test("has an empty place where minutes are missing", () => {
    const span = spanOf(course([0, 1, 10], [5, 6, 7]), 12, null);
    expect(span.strain).toEqual([5, 6, null, 7]);
    expect(span.times_s.map((at_s) => (at_s - START_MS / 1000) / 60)).toEqual([0, 1, 1.5, 10]);
    expect(span.waiting).toEqual([3, 3, null, 3]);
  });

  test("is the last hours only", () => {
    expect(spanOf(course([0, 59, 60, 119], [1, 2, 3, 4]), 1, null).strain).toEqual([2, 3, null, 4]);
  });

  test("ends with now", () => {
    const span = spanOf(course([0, 1], [5, 6]), 12, { at_ms: START_MS + 90_000, strain: 8 });
    expect(span.strain).toEqual([5, 6, 8]);
    expect(spanOf(course([0, 1], [5, 6]), 12, { at_ms: START_MS, strain: 8 }).strain).toEqual([5, 6]);
  });

  test("has parts that add up to the strain at each minute", () => {
    const drivers = Array.from({ length: 9 }, (_, d) => ({ name: `d${d}`, shares: [d, 0] }));
    const span = spanOf(course([0, 1], [40, 3], { drivers }), 12, null);
    expect(span.parts.map((part) => part.name)).toEqual(["d8", "d7", "d6", "d5", "d4", "d3", null]);
    for (const i of [0, 1]) expect(span.parts.reduce((sum, part) => sum + (part.points[i] ?? 0), 0)).toBe(span.strain[i]);
  });

  test("knows its highest point", () => {
    expect(peakOf(spanOf(course([0, 1, 2], [null, 9, 4]), 12, null))).toEqual({ strain: 9, at_s: START_MS / 1000 + 60 });
    expect(peakOf(spanOf(course([], []), 12, null))).toBeNull();
  });
});

test("a quarter of an hour tells its highest, and the driver of that minute", () => {
  const drivers = [{ name: "waits", shares: [1, 9, 0] }, { name: "load", shares: [2, 3, 4] }];
  const of = course([0, 14, 15], [3, 12, null], { drivers, waiting: [1, 0, 7] });
  expect(quartersOf(of, 12)).toEqual([
    { at_ms: START_MS + 900_000, strain: null, driver: null, waiting: 7, longest_s: null },
    { at_ms: START_MS, strain: 12, driver: "waits", waiting: 1, longest_s: null },
  ]);
});
