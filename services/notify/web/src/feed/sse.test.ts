import { describe, expect, test } from "vitest";
import { eventParser } from "./sse";

const TEXT = '\uFEFFretry: 500\n\n: a remark\nevent: board\ndata: {"kind":\ndata: "board"}\n\nid: 7-1\r\ndata: x\r\n\r\ndata:y\rdata\r\r';
const EVENTS = [
  { id: "", data: '{"kind":\n"board"}' },
  { id: "7-1", data: "x" },
  { id: "7-1", data: "y\n" },
];

describe("server-sent events", () => {
  test("come out whole, with the last id said", () => {
    expect([...eventParser()(TEXT), ...[]]).toEqual(EVENTS.slice(0, 2));
    const parse = eventParser();
    expect([...parse(TEXT), ...parse("\n")]).toEqual(EVENTS);
  });

  test("are the same however the text is cut", () => {
    for (let size = 1; size < 9; size += 1) {
      const parse = eventParser();
      const out = [];
      for (let at = 0; at < TEXT.length; at += size) out.push(...parse(TEXT.slice(at, at + size)));
      expect([...out, ...parse("\n")]).toEqual(EVENTS);
    }
  });

  test("one without data is none", () => {
    expect(eventParser()("id: 3\n\nevent: board\n\n")).toEqual([]);
  });
});
