import { afterEach, describe, expect, test } from "vitest";
import { en } from "./en";
import { driverName, duration, measure, roughly, stateName } from "./format";
import { chooseLanguage, language, t } from "./text";
import { zh } from "./zh";

afterEach(() => {
  language.value = "en";
});

const DRIVER_UNITS = [
  ["occupancy", "%"], ["handle_time", "x own usual"], ["repeat_callers", "contacts"], ["complaints", "contacts"],
  ["excess_wait", "s"], ["queue_pressure", "strain"], ["since_break", "min"], ["recovery_gap", "contacts"],
  ["same_issue", "contacts"], ["unsupported", "h"], ["quality_checks", "strain"], ["check_in", "of 5"],
  ["predicted_wait", "s"], ["offered_load", "%"], ["recent_waits", "s"], ["service_level", "%"], ["abandonment", "%"],
  ["repeat_share", "%"], ["staffing", "agents"], ["arrivals_surge", "%"],
] as const;

const holes = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();

describe("the catalogues", () => {
  test("have the same keys", () => {
    expect(Object.keys(zh).sort()).toEqual(Object.keys(en).sort());
  });

  test("have the same holes in each text", () => {
    for (const [key, text] of Object.entries(en)) expect(holes(zh[key as keyof typeof zh]), key).toEqual(holes(text));
  });

  test("are chosen by the first language the browser has in common with them", () => {
    expect(chooseLanguage(["de", "zh-TW", "en"])).toBe("zh-CN");
    expect(chooseLanguage(["en-GB", "zh"])).toBe("en");
    expect(chooseLanguage([])).toBe("en");
  });

  test("put values in as they are", () => {
    expect(t("alerts.owner", { name: "$& {name}" })).toBe("$& {name} looks after it");
  });
});

describe("numbers for people", () => {
  test("durations have two units at most", () => {
    expect([0, 59.6, 75, 600, 640, 3600, 7500, 200_000].map(duration)).toEqual([
      "0 s", "1 min", "1 min 15 s", "10 min", "10 min", "1 h", "2 h 5 min", "2 d",
    ]);
    expect([59, 75, 3700].map(roughly)).toEqual(["59 s", "1 min", "1 h 1 min"]);
    language.value = "zh-CN";
    expect(duration(75)).toBe("1 分 15 秒");
  });

  test("a percent value is in percent points already", () => {
    expect(measure(0.93, "%")).toBe("0.9 %");
    expect(measure(97, "%")).toBe("97 %");
  });

  test("measures follow their unit, and an unknown unit is shown as it is", () => {
    const shown = [measure(95, "s"), measure(145, "min"), measure(4.2, "h"), measure(1.62, "x own usual"), measure(4, "of 5")];
    expect(shown).toEqual(["1 min 35 s", "2 h 25 min", "4 h 12 min", "1.62 × their own usual", "4 of 5"]);
    language.value = "zh-CN";
    expect([measure(6, "agents"), measure(4.2, "h"), measure(1.62, "x own usual")]).toEqual(["6 人", "4 小时 12 分", "本人平常的 1.62 倍"]);
    expect([measure(7, "pigeons"), measure(null, "s")]).toEqual(["7 pigeons", ""]);
  });

  test("what is counted is said in words, since it fades and is seldom whole", () => {
    expect([0.2, 0.7, 3.4].map((value) => measure(value, "contacts", "recovery_gap"))).toEqual([
      "less than 1 contact lately", "about 1 contact lately", "about 3 contacts lately",
    ]);
    expect(measure(2, "contacts", "repeat_callers")).toBe("about 2 lately"); // the driver's name says of what
    expect(measure(9, "agents", "staffing")).toBe("9 agents needed"); // not so many short
    expect(measure(180, "%", "arrivals_surge")).toBe("180 % of the usual");
  });

  test("every driver of the contract says its unit in both languages", () => {
    for (const of of ["en", "zh-CN"] as const) {
      language.value = of;
      for (const [driver, unit] of DRIVER_UNITS) expect(measure(3, unit, driver), `${of} ${driver}`).toMatch(/[^\d\s.,]/);
    }
  });

  test("unknown drivers and states are shown as they are", () => {
    expect([driverName("occupancy"), driverName("toString"), stateName("acw"), stateName("yoga"), stateName(null)]).toEqual([
      "Time on contacts", "toString", "Wrapping up", "yoga", "State not known",
    ]);
  });
});
