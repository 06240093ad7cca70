/** How this person wants to be told, on this machine: kept in localStorage, the same in all tabs. */
import { signal } from "@preact/signals";

export interface Prefs {
  sound: boolean;
  /** 0..1 */
  volume: number;
  desktop: boolean;
  /** No sound and no notification from `from` to `to` (HH:MM, this machine's clock; may pass midnight). */
  quiet: boolean;
  from: string;
  to: string;
  /** Single-key shortcuts: off for whoever speaks to the machine, or leans on its keys. */
  shortcuts: boolean;
}

export const DEFAULTS: Prefs = {
  sound: false, volume: 0.5, desktop: false, quiet: false, from: "22:00", to: "07:00", shortcuts: true,
};

const KEY = "strainwatch.told";
const TIME = /^([01]\d|2[0-3]):[0-5]\d$/;

/** What is kept, as far as it makes sense; the defaults for the rest. */
export function read(kept: string | null): Prefs {
  let given: unknown;
  try {
    given = JSON.parse(kept ?? "{}");
  } catch {
    return DEFAULTS;
  }
  if (typeof given !== "object" || given === null) return DEFAULTS;
  const from = given as Partial<Record<keyof Prefs, unknown>>;
  const flag = (name: keyof Prefs) => (typeof from[name] === "boolean" ? (from[name] as boolean) : (DEFAULTS[name] as boolean));
  const time = (name: "from" | "to") => (TIME.test(String(from[name])) ? String(from[name]) : DEFAULTS[name]);
  const volume = typeof from.volume === "number" && from.volume >= 0 && from.volume <= 1 ? from.volume : DEFAULTS.volume;
  return {
    sound: flag("sound"), volume, desktop: flag("desktop"), quiet: flag("quiet"),
    from: time("from"), to: time("to"), shortcuts: flag("shortcuts"),
  };
}

const minutes = (time: string) => Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5));

/** Whether `now` (minutes since midnight) lies in the quiet hours. From a time to the same time is the whole day. */
export function isQuiet(prefs: Prefs, now_min: number): boolean {
  if (!prefs.quiet) return false;
  const from = minutes(prefs.from);
  const to = minutes(prefs.to);
  return from < to ? now_min >= from && now_min < to : now_min >= from || now_min < to;
}

export function isQuietAt(prefs: Prefs, now: Date): boolean {
  return isQuiet(prefs, now.getHours() * 60 + now.getMinutes());
}

export const prefs = signal<Prefs>(DEFAULTS);

/** Begins to use what is kept, and follows what other tabs change. Storage that is shut off keeps nothing. */
export function followPrefs(): void {
  try {
    prefs.value = read(localStorage.getItem(KEY));
  } catch {
    return;
  }
  window.addEventListener("storage", (event) => {
    if (event.key === KEY) prefs.value = read(event.newValue);
  });
}

export function change(some: Partial<Prefs>): void {
  prefs.value = { ...prefs.value, ...some };
  try {
    localStorage.setItem(KEY, JSON.stringify(prefs.value));
  } catch {
    // Private windows may refuse; then it holds until the tab is closed.
  }
}
