import { expect, test } from "vitest";
import { bandOf, slotOf, wantsSupport, wholeShares } from "./strain";

test("bands begin at their lower edge", () => {
  expect([0, 39.9, 40, 60, 80, 100].map(bandOf)).toEqual(["calm", "calm", "rising", "strained", "critical", "critical"]);
});

test("whole points add up to the whole strain", () => {
  expect(wholeShares([34.6, 21.3, 14.2, 9.4, 6.1], 85.6)).toEqual([35, 21, 14, 10, 6]);
  expect(wholeShares([0.4, 0.4, 0.4], 1.2)).toEqual([1, 0, 0]);
  expect(wholeShares([], 0)).toEqual([]);
});

test("somebody who went home is not called to be supported", () => {
  expect(wantsSupport("critical", "offline")).toBe(false);
  expect(wantsSupport("strained", null)).toBe(true);
  expect(wantsSupport("rising", "acw")).toBe(false);
});

test("an unknown driver has a colour too, whatever its name", () => {
  expect([slotOf("occupancy"), slotOf("constructor"), slotOf("new_one")]).toEqual([1, 8, 8]);
});
