/** The alerts by keyboard: keys for what is done all day, and a focus that stays where it was when lists move. */
import { signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { prefs } from "../attention/prefs";
import type { Verb } from "../store/asks";
import { toggleUnfolded } from "../store/desk";
import { alerts } from "../store/store";
import { begin } from "./AlertActions";

/** Whether the list of shortcuts is shown. */
export const shortcutsShown = signal(false);

/** Keys at an alert that has the focus. */
export const KEYS: Readonly<Record<string, Verb>> = {
  a: "acknowledge", t: "assign", s: "snooze", c: "close", n: "note",
};
export const DETAILS_KEY = "d";
export const FIND_KEY = "/";

const cards = () => [...document.querySelectorAll<HTMLElement>(".alerts [data-alert][tabindex]")];

/** From the focused card to the next or the one before; from elsewhere to the first. */
function move(by: 1 | -1): void {
  const all = cards();
  const at = all.findIndex((card) => card.contains(document.activeElement));
  const next = at < 0 ? all[0] : all[Math.min(all.length - 1, Math.max(0, at + by))];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

/** Whether there is a box to find with here. */
function find(): boolean {
  const box = document.getElementById("find");
  box?.focus();
  return box !== null;
}

function isWriting(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches("input, textarea, select, [contenteditable]");
}

function onKey(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || isWriting(event.target)) return;
  if (!prefs.value.shortcuts || document.querySelector("dialog[open]")) return;
  const key = event.key.toLowerCase();
  if (event.key === "?") shortcutsShown.value = true;
  else if (key === "j") move(1);
  else if (key === "k") move(-1);
  else if (key === FIND_KEY && find()) event.preventDefault();
  else if (!atAlert(key)) return;
  event.preventDefault();
}

function atAlert(key: string): boolean {
  const id = document.activeElement?.closest<HTMLElement>("[data-alert][tabindex]")?.dataset.alert;
  const alert = id === undefined ? undefined : alerts.value.get(id)?.alert;
  if (!alert) return false;
  const verb = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
  if (verb) begin(alert, verb);
  else if (key === DETAILS_KEY) toggleUnfolded(alert.id);
  else return false;
  return true;
}

export function useShortcuts(): void {
  useEffect(() => {
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}

interface Place {
  alert: string;
  control: string | null;
}

/** After each change: when what had the focus is gone, the same control of the same alert has it, else its card. */
export function useKeptFocus(): void {
  const last = useRef<Place | null>(null);
  useEffect(() => {
    const follow = (event: FocusEvent) => {
      const target = event.target as HTMLElement;
      const alert = target.closest<HTMLElement>(".alerts [data-alert]")?.dataset.alert;
      const control = target.closest<HTMLElement>("[data-control]")?.dataset.control ?? null;
      last.current = alert === undefined ? null : { alert, control };
    };
    const forget = (event: Event) => {
      if (!(event.target as HTMLElement).closest?.(".alerts")) last.current = null;
    };
    document.addEventListener("focusin", follow);
    document.addEventListener("pointerdown", forget);
    return () => {
      document.removeEventListener("focusin", follow);
      document.removeEventListener("pointerdown", forget);
    };
  }, []);
  useLayoutEffect(() => {
    const frame = requestAnimationFrame(() => {
      if (last.current && document.activeElement === document.body) restore(last.current);
    });
    return () => cancelAnimationFrame(frame);
  });
}

function restore({ alert, control }: Place): void {
  const card = document.querySelector<HTMLElement>(`.alerts [data-alert="${CSS.escape(alert)}"]`);
  const same = control && card?.querySelector<HTMLElement>(`[data-control="${control}"]`);
  // One that is over cannot have the focus: then the list has it, not nobody.
  const place = same || (card?.matches("[tabindex]") ? card : document.querySelector<HTMLElement>("#alerts"));
  place?.focus({ preventScroll: true });
}
