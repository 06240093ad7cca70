/** What is read aloud: a few alerts by their words, a storm as one sentence, and never one thing over another. */
import { signal } from "@preact/signals";
import type { Alert } from "../contract";
import { pair, t } from "../text/text";

export const announced = signal<{ polite: string; urgent: string }>({ polite: "", urgent: "" });

/** A storm comes within a second or two; one sentence for all of it. */
const GATHER_MS = { polite: 700, urgent: 200 } as const;
/** More than these at once are told by their number. */
const BY_NAME_MAX = 2;

type How = keyof typeof GATHER_MS;
const waiting: Record<How, string[]> = { polite: [], urgent: [] };
const timers: Partial<Record<How, number>> = {};

/** One sentence for all that waited. */
export function told(sentences: readonly string[]): string {
  const unique = [...new Set(sentences)];
  if (unique.length > BY_NAME_MAX) return t("alerts.announce.many", { count: unique.length });
  return unique.reduce((before, next) => `${before}${/[.。]$/.test(before) ? "" : "."} ${next}`);
}

export function announceAlert(how: How, alert: Alert): void {
  const title = pair(alert.title, alert.title_zh);
  say(how, t("alerts.announce", { severity: t(`severity.${alert.severity}`), title }));
}

export function say(how: How, sentence: string): void {
  waiting[how].push(sentence);
  timers[how] ??= window.setTimeout(() => {
    const words = told(waiting[how]);
    waiting[how] = [];
    timers[how] = undefined;
    announced.value = { ...announced.value, [how]: words };
  }, GATHER_MS[how]);
}

export function hush(): void {
  for (const how of ["polite", "urgent"] as const) {
    window.clearTimeout(timers[how]);
    timers[how] = undefined;
    waiting[how] = [];
  }
  announced.value = { polite: "", urgent: "" };
}
