import { expect, test } from "vitest";
import type { AgentSignal } from "../contract";
import { buffersOf, columnsOf, rowsOf } from "./columns";

const AGENTS: AgentSignal[] = [
  {
    id: "ann", team: "north", strain: 41.25, state: "acw", state_since_s: 3.5, since_break_s: null, break_min: 12,
    drivers: [{ name: "occupancy", share: 30.125, value: 97, unit: "%" }, { name: "__proto__", share: 11.125, value: null, unit: "" }],
  },
  { id: "__proto__", team: null, strain: 0, state: null, state_since_s: null, since_break_s: 60, break_min: null, drivers: [] },
  { id: "bo", team: "north", strain: 7, state: "acw", state_since_s: 0, since_break_s: 0, break_min: 0,
    drivers: [{ name: "occupancy", share: 7, value: 1, unit: "%" }] },
];

test("agents come back from their columns as they were", () => {
  const rows = rowsOf(structuredClone(columnsOf(AGENTS)));
  const { id, team, strain, state, state_since_s, since_break_s, break_min, drivers } = rows[0] as AgentSignal;
  expect({ id, team, strain, state, state_since_s, since_break_s, break_min, drivers }).toEqual(AGENTS[0]);
  expect(rows.map((row) => [row.id, row.team, row.state, row.since_break_s, row.break_min])).toEqual([
    ["ann", "north", "acw", null, 12], ["__proto__", null, null, 60, null], ["bo", "north", "acw", 0, 0],
  ]);
  expect(rows.map((row) => row.drivers)).toEqual(AGENTS.map((agent) => agent.drivers));
});

test("the same agents in the same order keep their names as they are", () => {
  const { ids } = columnsOf(AGENTS);
  expect(columnsOf(structuredClone(AGENTS), ids).ids).toBe(ids);
  expect(columnsOf([...AGENTS].reverse(), ids).ids).toEqual([...ids].reverse());
  expect(columnsOf(AGENTS.slice(1), ids).ids).toEqual(ids.slice(1));
});

test("all numbers are handed over, none is copied", () => {
  expect(buffersOf(columnsOf(AGENTS))).toHaveLength(10);
  expect(rowsOf(columnsOf([]))).toEqual([]);
});
