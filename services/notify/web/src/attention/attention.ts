/** From what changed on the page to a sound, a notification and the title, as this person wants it, once for all tabs. */
import { effect } from "@preact/signals";
import { needing, type Alerts } from "../store/alerts";
import { alerts, blind, joined, signedIn } from "../store/store";
import { language, pair, t } from "../text/text";
import * as desktop from "./desktop";
import { gravest, occasions, type Occasion } from "./occasions";
import { createOnce } from "./once";
import { followPrefs, isQuietAt, prefs } from "./prefs";
import { allowSound, audible, play } from "./sound";

/** Alerts of one moment come within this time: one sound for all. */
const GATHER_MS = 300;
/** A reconnect takes seconds; blind for longer than this, somebody should look. */
const BLIND_AFTER_MS = 30_000;

const locks: LockManager | undefined = "locks" in navigator ? navigator.locks : undefined;
const channel = typeof BroadcastChannel === "undefined" ? undefined : new BroadcastChannel("strainwatch told");
const once = createOnce(locks, channel);

export function startAttention(): void {
  followPrefs();
  desktop.tellSeen(locks);
  wakeSound();
  effect(title);
  followAlerts();
  followBlindness();
}

/** Browsers allow sound after the first click or key in a tab; when it is wanted, that click is used. */
function wakeSound(): void {
  const wake = () => {
    if (prefs.value.sound && !audible.value) void allowSound();
  };
  window.addEventListener("pointerdown", wake);
  window.addEventListener("keydown", wake);
}

/** How many wait for somebody; while the page is blind the number would be a claim, so it says that instead. */
function title(): void {
  const open = needing(alerts.value).length;
  const mark = signedIn.value && blind.value && joined.value ? "(!) " : open ? `(${open}) ` : "";
  document.title = `${mark}Strainwatch`;
}

function followAlerts(): void {
  let before: Alerts | null = null;
  let gathered: Occasion[] = [];
  let timer: number | undefined;
  effect(() => {
    const after = alerts.value;
    gathered.push(...occasions(before, after));
    if (needing(after).length === 0) desktop.withdraw("alerts");
    before = joined.value ? after : null;
    if (gathered.length === 0 || timer !== undefined) return;
    timer = window.setTimeout(() => {
      timer = undefined;
      const all = gathered;
      gathered = [];
      void tell(all);
    }, GATHER_MS);
  });
}

async function tell(all: readonly Occasion[]): Promise<void> {
  if (isQuietAt(prefs.value, new Date())) return;
  await Promise.all([sound(all), notify(all)]);
}

async function sound(all: readonly Occasion[]): Promise<void> {
  if (!prefs.value.sound || !audible.value) return;
  const mine: Occasion[] = [];
  for (const each of all) if (await once.claim(`sound ${each.key}`)) mine.push(each);
  const first = gravest(mine);
  if (first && (await once.silence(first.severity))) play(first.severity, prefs.value.volume);
}

async function notify(all: readonly Occasion[]): Promise<void> {
  if (!prefs.value.desktop || (await desktop.isSeen(locks))) return;
  const mine: Occasion[] = [];
  for (const each of all) if (await once.claim(`desktop ${each.key}`)) mine.push(each);
  const first = gravest(mine);
  if (!first) return;
  const { alert, severity } = first;
  const title = `${t(`severity.${severity}`)} · ${pair(alert.title, alert.title_zh)}`;
  const count = needing(alerts.value).length;
  const body = count > 1 ? t("told.desktop.more", { count }) : pair(alert.action.text, alert.action.text_zh);
  desktop.notify("alerts", title, body, language.value, () => show(alert.id));
}

function show(id: string): void {
  document.querySelector<HTMLElement>(`[data-alert="${CSS.escape(id)}"]`)?.focus();
}

/** A board that stopped in a hidden tab must not pass for a calm one. */
function followBlindness(): void {
  let timer: number | undefined;
  effect(() => {
    const lost = signedIn.value && joined.value && blind.value;
    window.clearTimeout(timer);
    desktop.withdraw("blind");
    if (lost) timer = window.setTimeout(() => void tellBlind(), BLIND_AFTER_MS);
  });
}

async function tellBlind(): Promise<void> {
  if (isQuietAt(prefs.value, new Date())) return;
  if (prefs.value.sound && audible.value && (await once.silence("blind"))) play("warning", prefs.value.volume);
  if (!prefs.value.desktop || (await desktop.isSeen(locks)) || !(await once.silence("blind on the desktop"))) return;
  desktop.notify("blind", t("told.blind"), t("told.blind.text"), language.value, () => undefined);
}
