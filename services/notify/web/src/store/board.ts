/** What the page knows of queues and agents, and whether it may still be believed. Pure. */
import type { BoardFrame } from "../contract";
import type { Link } from "../feed/policy";
import { bandsOf, type Bands } from "./roster";

/** Strain of one queue over the last minutes; `null` where the page was blind. Times in seconds since 1970. */
export interface Line {
  times_s: number[];
  strains: (number | null)[];
}

export interface BoardSeen {
  frame: BoardFrame;
  at_ms: number;
  /** This page's clock when `at` last advanced. */
  advanced_ms: number;
  /** Least difference of this page's clock and `at` seen lately: what a board that comes at once has. */
  offset_ms: number;
  /** How much later than at once this board came. A queue of old boards advances too, and is not news. */
  behind_ms: number;
  lines: ReadonlyMap<string, Line>;
  queueBands: Bands;
  agentBands: Bands;
}

/** Long enough to see where a queue is heading, short enough to read at a glance. Product choice. */
export const LINE_S = 600;
/** A point of a line: finer ones would not be seen, and 500 queues have lines. */
const POINT_S = 5;
/** Boards come each second. After five without one, what is shown is the past. */
export const STALE_AFTER_S = 5;
/** A contact centre at work says something every minute; longer silence is not calm. Product choice. */
export const SILENT_AFTER_S = 60;

/** The least difference may rise by this part of the time passed: clocks drift, and a server's may be set back. */
const OFFSET_LEAK = 0.02;

export function applyBoard(seen: BoardSeen | null, frame: BoardFrame, now_ms: number): BoardSeen {
  const at_ms = Date.parse(frame.at);
  if (seen && at_ms <= seen.at_ms && frame.epoch === seen.frame.epoch) return seen;
  const difference_ms = now_ms - at_ms;
  const known_ms = seen ? seen.offset_ms + (now_ms - seen.advanced_ms) * OFFSET_LEAK : difference_ms;
  const offset_ms = Math.min(difference_ms, known_ms);
  const lines = extend(seen?.lines ?? new Map(), frame, at_ms / 1000);
  const queueBands = bandsOf(frame.queues, seen?.queueBands ?? new Map());
  const agentBands = bandsOf(frame.agents, seen?.agentBands ?? new Map());
  const behind_ms = difference_ms - offset_ms;
  return { frame, at_ms, advanced_ms: now_ms, offset_ms, behind_ms, lines, queueBands, agentBands };
}

/** Time since the board's moment, on this page's clock. */
export function sinceBoard_ms(seen: BoardSeen, now_ms: number): number {
  return Math.max(0, now_ms - seen.advanced_ms) + seen.behind_ms;
}

function extend(lines: ReadonlyMap<string, Line>, frame: BoardFrame, at_s: number): ReadonlyMap<string, Line> {
  const next = new Map<string, Line>();
  for (const queue of frame.queues) {
    const old = lines.get(queue.id) ?? { times_s: [], strains: [] };
    const last_s = old.times_s.at(-1);
    const from = old.times_s.findIndex((time_s) => time_s >= at_s - LINE_S);
    const times_s = from < 0 || (last_s ?? 0) >= at_s ? [] : old.times_s.slice(from);
    const strains: (number | null)[] = times_s.length ? old.strains.slice(from) : [];
    if (last_s !== undefined && times_s.length && at_s - last_s > STALE_AFTER_S) {
      times_s.push(last_s + 1);
      strains.push(null);
    } else if ((times_s.at(-1) ?? 0) - (times_s.at(-2) ?? 0) < POINT_S) {
      times_s.pop(); // the newest second stands for its five, until they are over
      strains.pop();
    }
    times_s.push(at_s);
    strains.push(queue.strain);
    next.set(queue.id, { times_s, strains });
  }
  return next;
}

/** Minutes come a minute late, and the page may open within one: a longer hole is shown as one. */
const JOINT_S = 150;

/** A line with what was before the page was opened, as far as it still belongs on it. */
export function withPast(line: Line, past: Line | undefined): Line {
  const begin_s = line.times_s[0];
  const end_s = line.times_s.at(-1);
  if (!past || begin_s === undefined || end_s === undefined) return line;
  const from = past.times_s.findIndex((time_s) => time_s >= end_s - LINE_S);
  const to = past.times_s.findLastIndex((time_s) => time_s < begin_s) + 1;
  if (from < 0 || to <= from) return line;
  const times_s = past.times_s.slice(from, to);
  const strains = past.strains.slice(from, to);
  const last_s = times_s.at(-1) ?? 0;
  if (begin_s - last_s > JOINT_S) {
    times_s.push(last_s + 1);
    strains.push(null);
  }
  return { times_s: [...times_s, ...line.times_s], strains: [...strains, ...line.strains] };
}

export type Freshness =
  | { kind: "connecting" }
  | { kind: "live"; age_s: number }
  /** Connected and fresh, but nothing has ever come in. */
  | { kind: "empty" }
  /** The feed is well; the contact centre has said nothing for `age_s`. */
  | { kind: "silent"; age_s: number }
  /** What the board shows is `age_s` old: it stopped, or it comes late. */
  | { kind: "stale"; age_s: number }
  | { kind: "reconnecting"; attempt: number; age_s: number | null };

/** How far the board can be believed at `now_ms` (this page's clock). Only `live` may look calm. */
export function freshness(link: Link | null, seen: BoardSeen | null, now_ms: number): Freshness {
  const since_s = seen ? sinceBoard_ms(seen, now_ms) / 1000 : null;
  const heard_s = seen?.frame.data_age_s ?? null;
  if (!link || link.state !== "live") {
    const attempt = link && "attempt" in link ? link.attempt : 1;
    const age_s = since_s === null ? null : since_s + (heard_s ?? 0);
    return seen || attempt > 1 || link?.state === "waiting" ? { kind: "reconnecting", attempt, age_s } : { kind: "connecting" };
  }
  if (since_s === null) return { kind: "connecting" };
  if (since_s > STALE_AFTER_S) return { kind: "stale", age_s: since_s + (heard_s ?? 0) };
  if (heard_s === null) return { kind: "empty" };
  const age_s = heard_s + since_s;
  return age_s > SILENT_AFTER_S ? { kind: "silent", age_s } : { kind: "live", age_s };
}
