import { describe, expect, test } from "vitest";
import { bandsOf, byBand, byName, byTeam, matches, wordsOf, type Ranked } from "./roster";

const row = (id: string, strain = 0, team: string | null = null): Ranked => ({ id, team, strain });
const ids = (rows: readonly Ranked[]) => rows.map((each) => each.id);

describe("the order of rows", () => {
  test("is by name, numbers in names as numbers", () => {
    expect(ids(byName()([row("agent-10"), row("agent-9"), row("Ada")]))).toEqual(["Ada", "agent-9", "agent-10"]);
  });

  test("is found once, and shows the newest rows", () => {
    const sorted = byName();
    sorted([row("b", 1), row("a", 2)]);
    expect(sorted([row("b", 3), row("a", 4)]).map((each) => each.strain)).toEqual([4, 3]);
    expect(ids(sorted([row("c"), row("a")]))).toEqual(["a", "c"]);
  });

  test("keeps the very bands while nobody came, went or changed", () => {
    const bands = bandsOf([row("a", 60), row("b")], new Map());
    expect(bandsOf([row("b", 3), row("a", 57)], bands)).toBe(bands);
    expect(bandsOf([row("b"), row("a", 81)], bands).get("a")).toBe("critical");
    expect([...bandsOf([row("a", 60), row("c")], bands).keys()]).toEqual(["a", "c"]);
  });

  test("puts the higher band first and never looks at the number within it", () => {
    const rows = [row("Al", 61), row("Mo", 90), row("Zoe", 75)];
    expect(ids(byBand(rows, bandsOf(rows, new Map())))).toEqual(["Mo", "Al", "Zoe"]);
  });

  test("does not jump while a strain goes up and down around an edge", () => {
    let bands = bandsOf([row("a", 60)], new Map());
    for (const strain of [59, 60.5, 57, 56]) bands = bandsOf([row("a", strain)], bands);
    expect(bands.get("a")).toBe("strained");
    expect(bandsOf([row("a", 54.9)], bands).get("a")).toBe("rising");
    expect(bandsOf([row("a", 80)], bands).get("a")).toBe("critical");
  });

  test("teams by name, those without one last", () => {
    const groups = byTeam([row("a", 0, "south"), row("b"), row("c", 0, "north"), row("d", 0, "south")]);
    expect(groups.map((group) => [group.team, ids(group.rows)])).toEqual([["north", ["c"]], ["south", ["a", "d"]], [null, ["b"]]]);
  });
});

test("a search finds each of its words anywhere, in any case and width", () => {
  expect(matches(wordsOf(" BREAK  north "), ["agent-1", "North", "On a break"])).toBe(true);
  expect(matches(wordsOf("break south"), ["agent-1", "North", "On a break"])).toBe(false);
  expect(matches(wordsOf("ＡＢ１"), ["ab1", null, undefined])).toBe(true);
  expect(matches(wordsOf(""), [])).toBe(true);
  expect(matches(wordsOf("team 2"), ["agent-0209", "team 1"])).toBe(false);
  expect(matches(wordsOf("team 2"), ["agent-0101", "team 2"])).toBe(true);
  expect(matches(wordsOf("099 休"), ["agent-0099", "休息中"])).toBe(true);
});
