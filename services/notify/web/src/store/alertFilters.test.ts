import { expect, test } from "vitest";
import { isKey } from "../text/text";
import { filtersOf, hashOf, KINDS, NO_FILTERS, paramsOf, PHASES } from "./alertFilters";
import { query } from "./rest";
import { verdictOf } from "./ruleStats";
import { routeOf } from "../route";

test("filters travel in the address and come back the same", () => {
  const filters = { phase: "resolved", kind: "queue.strain", severity: "critical", team: "A & B", subject: "#1?=%" };
  expect(filtersOf(hashOf(filters))).toEqual(filters);
  expect(hashOf(NO_FILTERS)).toBe("#history");
  expect(routeOf(hashOf(filters))).toBe("history");
  expect(["", "#", "#token=x", "#historyx"].map(routeOf)).toEqual(["board", "board", "board", "board"]);
});

test("words that do not exist are left out of an address", () => {
  expect(filtersOf("#history?phase=shut&kind=x&severity=red&team=t")).toEqual({ ...NO_FILTERS, team: "t" });
});

test("without a phase all are asked for, and what is not filtered is not said", () => {
  expect(query(paramsOf(NO_FILTERS, 30, null))).toBe(`?phase=${PHASES.join("%2C")}&limit=30`);
  expect(query(paramsOf({ ...NO_FILTERS, phase: "open", subject: " x " }, 30, "1-2"))).toBe(
    "?phase=open&subject=x&limit=30&after=1-2",
  );
});

test("a rule is noise when it rings often and leads to little, and early when it has hardly rung", () => {
  const rule = { kind: "k", acknowledged_p50_s: null, escalated: 0, suppressed: 0, open: 0 };
  expect(verdictOf({ ...rule, fired: 41, acted: 2 })).toBe("noise");
  expect(verdictOf({ ...rule, fired: 41, acted: 20 })).toBe("useful");
  expect(verdictOf({ ...rule, fired: 3, acted: 0 })).toBe("early");
});

test("every kind and every phase has a name", () => {
  for (const key of [...KINDS.map((kind) => `kind.${kind}`), ...PHASES.map((phase) => `phase.${phase}`)]) {
    expect(isKey(key), key).toBe(true);
  }
});
