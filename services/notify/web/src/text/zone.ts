/** A moment as the clock on the wall shows it in a zone, and back: for inputs of date and time. Pure. */

const MINUTE_MS = 60_000;

/** How far a zone's wall clock is ahead of UTC at a moment, in ms. `undefined`: the browser's zone. */
function ahead_ms(at_ms: number, zone: string | undefined): number {
  const parts = new Intl.DateTimeFormat("en-u-ca-gregory-nu-latn", {
    timeZone: zone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
  }).formatToParts(at_ms);
  const of = (type: string) => Number(parts.find((part) => part.type === type)?.value);
  const wall_ms = Date.UTC(of("year"), of("month") - 1, of("day"), of("hour"), of("minute"));
  return wall_ms - Math.floor(at_ms / MINUTE_MS) * MINUTE_MS;
}

/** `2026-03-02T09:14`, as `<input type="datetime-local">` wants it. */
export function wallClock(at_ms: number, zone: string | undefined): string {
  return new Date(at_ms + ahead_ms(at_ms, zone)).toISOString().slice(0, 16);
}

/** The moment in ms, or null where the text is no time. Of an hour that comes twice, the first; one that never comes is an hour on. */
export function momentAt(wall: string, zone: string | undefined): number | null {
  const utc_ms = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?$/.test(wall) ? Date.parse(`${wall}Z`) : Number.NaN;
  if (Number.isNaN(utc_ms)) return null;
  const day_ms = 24 * 60 * MINUTE_MS;
  const before = utc_ms - ahead_ms(utc_ms - day_ms, zone);
  const after = utc_ms - ahead_ms(utc_ms + day_ms, zone);
  const fits = [before, after].filter((at_ms) => at_ms + ahead_ms(at_ms, zone) === utc_ms);
  return fits.length ? Math.min(...fits) : before;
}

export function zoneName(zone: string | undefined): string {
  return zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
}
