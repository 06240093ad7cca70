import { expect, test } from "vitest";
import type { OwnAgent } from "../contract";
import { freshnessOf } from "./own";

const day = (data_age_s: number | null) => ({ data_age_s }) as OwnAgent;

test("the own day is live, silent when nothing comes in, and stale when nobody answers", () => {
  expect(freshnessOf(null, 0)).toEqual({ kind: "loading" });
  expect(freshnessOf({ day: day(1), at_ms: 0 }, 15_000)).toEqual({ kind: "live" });
  expect(freshnessOf({ day: day(1), at_ms: 0 }, 16_000)).toEqual({ kind: "stale", age_s: 17 });
  expect(freshnessOf({ day: day(61), at_ms: 0 }, 1000)).toEqual({ kind: "silent", age_s: 62 });
  expect(freshnessOf({ day: day(null), at_ms: 0 }, 0)).toEqual({ kind: "live" });
});
