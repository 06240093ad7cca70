/** Numbers, durations and times for people, in the language of the page. */
import { signal } from "@preact/signals";
import { numberFormat, timeFormat } from "./intl";
import { isKey, language, t } from "./text";

/** Two units at most; seconds only where they still matter (below ten minutes). */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return t("duration.s", { s });
  const min = Math.floor(s / 60);
  if (min < 10 && s % 60) return t("duration.min_s", { min, s: s % 60 });
  if (min < 60) return t("duration.min", { min });
  const h = Math.floor(min / 60);
  if (h >= 48) return t("duration.d", { d: Math.floor(h / 24) });
  return min % 60 ? t("duration.h_min", { h, min: min % 60 }) : t("duration.h", { h });
}

/** Without the seconds once there are minutes: for what only grows, where a running second would be noise. */
export function roughly(seconds: number): string {
  return duration(seconds < 60 ? seconds : seconds - (seconds % 60));
}

export function durationOrUnknown(seconds: number | null | undefined): string {
  return seconds === null || seconds === undefined ? t("value.unknown") : duration(seconds);
}

export function whole(value: number): string {
  return number(value, 0);
}

/** Of percent points, without digits; "not known" where nothing was measured. */
export function percent(value: number | null | undefined): string {
  return value == null ? t("value.unknown") : t("value.%", { value: number(value, 0) });
}

/** Below it, whole numbers have no separators in any of the page's languages. */
const PLAIN_BELOW = 999.5;

function number(value: number, digits: number): string {
  // Most numbers of a board are such, and the formatter costs ten times as much.
  if (digits === 0 && value >= 0 && value < PLAIN_BELOW) return String(Math.round(value));
  return numberFormat(language.value, digits).format(value);
}

/** Units of a multiple, where the second digit tells. */
const MULTIPLES: ReadonlySet<string> = new Set(["ratio", "x own usual"]);
/** Units of things that are counted. What is still felt of them fades, so their number is seldom whole. */
const COUNTED: ReadonlySet<string> = new Set(["contacts", "agents"]);

/** A driver's measure in its unit, in words where the unit alone would not say what it means; `%` is in percent points
 * already. Empty when there is none. */
export function measure(value: number | null, unit: string, driver = ""): string {
  if (value === null || faded(value, driver)) return "";
  if (unit === "s") return duration(value);
  if (unit === "min") return duration(value * 60);
  if (unit === "h") return duration(value * 3600);
  if (COUNTED.has(unit)) return counted(value, unit, driver);
  const shown = number(value, MULTIPLES.has(unit) ? 2 : value < 10 ? 1 : 0);
  for (const key of [`value.${driver}`, `value.${unit}`]) if (isKey(key)) return t(key, { value: shown });
  return `${shown} ${unit}`.trim();
}

/** Some shares are of many contacts while the measure is the last one's: one that was as usual explains nothing. */
function faded(value: number, driver: string): boolean {
  return (driver === "excess_wait" && value <= 0) || (driver === "handle_time" && value <= 1);
}

function counted(value: number, unit: string, driver: string): string {
  const count = Math.round(value);
  const form = value > 0 && count === 0 ? "less" : count === 1 ? "one" : "other";
  for (const key of [`value.${driver}.${form}`, `value.${unit}.${form}`]) if (isKey(key)) return t(key, { value: whole(count) });
  return `${whole(count)} ${unit}`;
}

export function driverName(name: string): string {
  const key = `driver.${name}`;
  return isKey(key) ? t(key) : name;
}

export function stateName(state: string | null): string {
  const key = `state.${state}`;
  return isKey(key) ? t(key) : (state ?? t("state.unknown"));
}

/** The zone of the lead's team as an IANA name; the browser's while none is known. */
export const zone = signal<string | undefined>(undefined);

/** Hours and minutes of RFC 3339, or of ms since 1970. */
export function timeOfDay(at: string | number): string {
  return timeFormat(language.value, zone.value, "time", { hour: "numeric", minute: "2-digit" }).format(new Date(at));
}
