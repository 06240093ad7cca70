import { afterEach, describe, expect, test } from "vitest";
import en from "./en.json";
import { driverName, duration, measure, roughly, stateName } from "./format";
import { chooseLanguage, language, t } from "./text";
import zh from "./zh-CN.json";

afterEach(() => {
  language.value = "en";
});

const holes = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();

describe("the catalogues", () => {
  test("have the same keys", () => {
    expect(Object.keys(zh)).toEqual(Object.keys(en));
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
    expect(t("alerts.owner", { owner: "$& {owner}" })).toBe("$& {owner} looks after it");
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
    expect([measure(95, "s"), measure(145, "min"), measure(1.62, "x own usual"), measure(3, "contacts")]).toEqual([
      "1 min 35 s", "2 h 25 min", "× 1.62", "3",
    ]);
    expect([measure(7, "pigeons"), measure(null, "s")]).toEqual(["7 pigeons", ""]);
  });

  test("unknown drivers and states are shown as they are", () => {
    expect([driverName("occupancy"), driverName("toString"), stateName("acw"), stateName("yoga"), stateName(null)]).toEqual([
      "Time on contacts", "toString", "Wrapping up", "yoga", "State not known",
    ]);
  });
});
