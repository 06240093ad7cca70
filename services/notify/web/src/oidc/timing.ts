/** When to renew a token. Pure. */

/** So long before the end, or at half of what is left of a short one; a failed try leaves time for more. */
const BEFORE_MS = 60_000;
const LEAST_MS = 5_000;
/** The longest a browser's timer can wait; a later one is planned then. */
const MOST_MS = 2 ** 31 - 1;

export function renewInMs(ends_s: number, now_ms: number): number {
  const left_ms = ends_s * 1000 - now_ms;
  return Math.min(MOST_MS, Math.max(LEAST_MS, left_ms - BEFORE_MS > left_ms / 2 ? left_ms - BEFORE_MS : left_ms / 2));
}
