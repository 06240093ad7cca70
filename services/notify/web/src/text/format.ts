/** Numbers, durations and times for people, in the language of the page. */
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

function number(value: number, digits: number): string {
  return new Intl.NumberFormat(language.value, { maximumFractionDigits: digits }).format(value);
}

/** Units of a multiple, where the second digit tells. */
const MULTIPLES: ReadonlySet<string> = new Set(["ratio", "x own usual"]);

/** A driver's measure in its unit; `%` is in percent points already. Empty when there is none. */
export function measure(value: number | null, unit: string): string {
  if (value === null) return "";
  if (unit === "s") return duration(value);
  if (unit === "min") return duration(value * 60);
  const key = `value.${unit}`;
  const shown = number(value, MULTIPLES.has(unit) ? 2 : value < 10 ? 1 : 0);
  return isKey(key) ? t(key, { value: shown }) : `${shown} ${unit}`.trim();
}

export function driverName(name: string): string {
  const key = `driver.${name}`;
  return isKey(key) ? t(key) : name;
}

export function stateName(state: string | null): string {
  const key = `state.${state}`;
  return isKey(key) ? t(key) : (state ?? t("state.unknown"));
}

export function timeOfDay(rfc3339: string): string {
  return new Intl.DateTimeFormat(language.value, { hour: "2-digit", minute: "2-digit" }).format(new Date(rfc3339));
}
