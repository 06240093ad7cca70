/** Times to set an alert aside for. Pure; all by the server's time, shown at this browser's zone. */

export const SNOOZES_MIN = [10, 30, 60] as const;
/** As the contract has it: a minute to a shift. */
export const SNOOZE_S = { min: 60, max: 28_800 } as const;

/** Seconds from `now_ms` to the next `HH:MM` of this browser's zone, or null when it is no time. */
export function secondsUntil(time: string, now_ms: number): number | null {
  const found = /^([01]\d|2[0-3]):([0-5]\d)/.exec(time);
  if (!found) return null;
  const at = new Date(now_ms);
  at.setHours(Number(found[1]), Number(found[2]), 0, 0);
  if (at.getTime() <= now_ms) at.setDate(at.getDate() + 1);
  return Math.round((at.getTime() - now_ms) / 1000);
}

export type Refused = "empty" | "soon" | "late";

/** How long to set aside until a time of day, or why that cannot be. */
export function snoozeUntil(time: string, now_ms: number): number | Refused {
  const for_s = secondsUntil(time, now_ms);
  if (for_s === null) return "empty";
  if (for_s < SNOOZE_S.min) return "soon";
  return for_s > SNOOZE_S.max ? "late" : for_s;
}
