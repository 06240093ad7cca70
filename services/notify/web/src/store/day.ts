/** A day as a chart and a table show it. Pure. */
import type { SubjectCourse } from "../contract";

export interface Span {
  times_s: number[];
  strain: (number | null)[];
  /** The drivers that weigh most over the span, and last the rest; together they are the strain. */
  parts: { name: string | null; points: (number | null)[] }[];
  waiting: (number | null)[] | null;
  longest_s: (number | null)[] | null;
  predicted_s: (number | null)[] | null;
}

/** Drivers with a colour of their own in the chart; more cannot be told apart. Product choice. */
const PARTS_MAX = 6;
/** A step that is so much longer than usual is a hole: nothing was looked at. */
const HOLE_STEPS = 1.6;

/** The last `hours` of a course, with an empty place in each hole; `now` joins as the newest point. */
export function spanOf(course: SubjectCourse, hours: number, now: { at_ms: number; strain: number } | null): Span {
  const end_ms = Math.max(course.at.at(-1) ?? 0, now?.at_ms ?? 0);
  const first = course.at.findIndex((at) => at >= end_ms - hours * 3_600_000);
  const places: number[] = [];
  const times_s: number[] = [];
  for (let i = first < 0 ? course.at.length : first; i < course.at.length; i++) {
    const at_s = (course.at[i] ?? 0) / 1000;
    const before_s = times_s.at(-1);
    if (before_s !== undefined && at_s - before_s > course.step_s * HOLE_STEPS) {
      times_s.push(before_s + course.step_s / 2);
      places.push(-1);
    }
    times_s.push(at_s);
    places.push(i);
  }
  const pick = <T>(values: readonly T[]) => places.map((i) => (i < 0 ? null : (values[i] ?? null)));
  const strain = pick(course.strain);
  const weigh = (shares: readonly number[]) => places.reduce((sum, i) => sum + (i < 0 ? 0 : (shares[i] ?? 0)), 0);
  const named = course.drivers
    .map((driver) => ({ name: driver.name, weight: weigh(driver.shares), points: pick(driver.shares) }))
    .filter((driver) => driver.weight > 0)
    .sort((a, b) => b.weight - a.weight)
    .slice(0, PARTS_MAX);
  const rest = strain.map((points, i) =>
    points === null ? null : Math.max(0, points - named.reduce((sum, driver) => sum + (driver.points[i] ?? 0), 0)),
  );
  const parts: Span["parts"] = named.map(({ name, points }) => ({
    name,
    points: points.map((share, i) => (strain[i] === null ? null : share)),
  }));
  if (rest.some((points) => points)) parts.push({ name: null, points: rest });
  const span: Span = {
    times_s,
    strain,
    parts,
    waiting: course.waiting && pick(course.waiting),
    longest_s: course.longest_wait_s && pick(course.longest_wait_s),
    predicted_s: course.predicted_wait_s && pick(course.predicted_wait_s),
  };
  if (now && now.at_ms / 1000 > (times_s.at(-1) ?? 0)) {
    times_s.push(now.at_ms / 1000);
    strain.push(now.strain);
    for (const part of parts) part.points.push(null); // the drivers of now are told beside the chart
    for (const values of [span.waiting, span.longest_s, span.predicted_s]) values?.push(null);
  }
  return span;
}

export interface Quarter {
  at_ms: number;
  strain: number | null;
  /** The driver that weighed most when the strain was highest. */
  driver: string | null;
  waiting: number | null;
  longest_s: number | null;
}

const QUARTER_MS = 900_000;

/** The highest of each quarter of an hour, the newest first. */
export function quartersOf(course: SubjectCourse, hours: number): Quarter[] {
  const quarters = new Map<number, Quarter>();
  const end_ms = course.at.at(-1) ?? 0;
  course.at.forEach((at_ms, i) => {
    if (at_ms < end_ms - hours * 3_600_000) return;
    const begin = Math.floor(at_ms / QUARTER_MS) * QUARTER_MS;
    const known = quarters.get(begin) ?? { at_ms: begin, strain: null, driver: null, waiting: null, longest_s: null };
    const strain = course.strain[i] ?? null;
    if (strain !== null && (known.strain === null || strain > known.strain)) {
      known.strain = strain;
      const top = course.drivers.reduce<{ name: string; share: number } | null>((best, driver) => {
        const share = driver.shares[i] ?? 0;
        return share > (best?.share ?? 0) ? { name: driver.name, share } : best;
      }, null);
      known.driver = top?.name ?? null;
    }
    known.waiting = highest(known.waiting, course.waiting?.[i]);
    known.longest_s = highest(known.longest_s, course.longest_wait_s?.[i]);
    quarters.set(begin, known);
  });
  return [...quarters.values()].reverse();
}

function highest(known: number | null, value: number | null | undefined): number | null {
  return value == null ? known : Math.max(known ?? value, value);
}

/** The highest strain of a span and when it was; null where nothing is known. */
export function peakOf(span: Span): { strain: number; at_s: number } | null {
  let peak: { strain: number; at_s: number } | null = null;
  span.strain.forEach((strain, i) => {
    if (strain !== null && (peak === null || strain > peak.strain)) peak = { strain, at_s: span.times_s[i] ?? 0 };
  });
  return peak;
}
