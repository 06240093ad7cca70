import { expect, test } from "vitest";
import { ADDRESSES, routeOf, type Route } from "./route";

test("each view has an address that leads back to it", () => {
  for (const [route, address] of Object.entries(ADDRESSES)) expect(routeOf(address)).toBe(route as Route);
});

test("a view may carry what it asks for; all else is the board", () => {
  expect(["#history?phase=resolved", "#report?from=1", "", "#historyx", "#queue/Billing", "#queue/history"].map(routeOf)).toEqual([
    "history", "report", "board", "board", "board", "board",
  ]);
});
