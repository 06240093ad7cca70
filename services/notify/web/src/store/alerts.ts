/** The alerts a page knows, by id. Pure. */
import type { Alert, AlertFrame, Change } from "../contract";

export interface Known {
  alert: Alert;
  /** Cursor of the change shown; empty when it came with a full list. */
  cursor: string;
}

export type Alerts = ReadonlyMap<string, Known>;

/** Enough to see what has just passed; older ones are in the history. */
const RECENTLY_OVER_MAX = 8;
/** Names offered when an alert is handed on: a floor's leads, not a directory. */
const NAMES_MAX = 20;

/** A change in. The same object comes back when nothing is new: the change was already seen. */
export function applyAlert(alerts: Alerts, frame: AlertFrame): Alerts {
  if (alerts.get(frame.alert.id)?.cursor === frame.cursor) return alerts;
  const next = new Map(alerts);
  next.set(frame.alert.id, { alert: frame.alert, cursor: frame.cursor });
  for (const over of resolved(next).slice(RECENTLY_OVER_MAX)) next.delete(over.id);
  return next;
}

/** All live alerts, in place of what was known; what the page saw end stays in the short list of past ones. */
export function replaceAll(alerts: Alerts, live: readonly Alert[]): Alerts {
  const next = new Map<string, Known>();
  for (const [id, known] of alerts) if (known.alert.phase === "resolved") next.set(id, known);
  for (const alert of live) next.set(alert.id, { alert, cursor: "" });
  return next;
}

const byOpened = (a: Alert, b: Alert) => b.opened_at.localeCompare(a.opened_at) || b.id.localeCompare(a.id);
const byUpdated = (a: Alert, b: Alert) => b.updated_at.localeCompare(a.updated_at) || b.id.localeCompare(a.id);
const byReturn = (a: Alert, b: Alert) => (returns_ms(a) ?? 0) - (returns_ms(b) ?? 0) || byOpened(a, b);

function pick(alerts: Alerts, wanted: (alert: Alert) => boolean): Alert[] {
  return [...alerts.values()].map((known) => known.alert).filter(wanted);
}

/** A good word that is due: no problem, so it stands apart from those. */
export function isThanks(alert: Alert): boolean {
  return alert.kind === "agent.recognition";
}

/** Nobody has it yet. */
export function isUntaken(alert: Alert): boolean {
  return alert.phase === "open" || alert.phase === "escalated";
}

/** Problems that nobody has yet: the critical ones, then the others, each newest first. */
export function needing(alerts: Alerts): Alert[] {
  const lesser = (alert: Alert) => (alert.severity === "critical" ? 0 : 1);
  const untaken = pick(alerts, (alert) => isUntaken(alert) && !isThanks(alert));
  return untaken.sort((a, b) => lesser(a) - lesser(b) || byOpened(a, b));
}

/** Problems that somebody looks after. */
export function taken(alerts: Alerts): Alert[] {
  return pick(alerts, (alert) => (alert.phase === "acknowledged" || alert.phase === "assigned") && !isThanks(alert)).sort(
    byOpened,
  );
}

/** What is set aside, the first to come back first. */
export function setAside(alerts: Alerts): Alert[] {
  return pick(alerts, (alert) => alert.phase === "snoozed").sort(byReturn);
}

/** Good words that are due, or were said a moment ago. */
export function thanks(alerts: Alerts): Alert[] {
  return pick(alerts, (alert) => isThanks(alert) && !["resolved", "suppressed", "snoozed"].includes(alert.phase)).sort(byOpened);
}

export function resolved(alerts: Alerts): Alert[] {
  return pick(alerts, (alert) => alert.phase === "resolved").sort(byUpdated);
}

export function suppressed(alerts: Alerts): Alert[] {
  return pick(alerts, (alert) => alert.phase === "suppressed").sort(byOpened);
}

/** The alert that stands for a suppressed one, if it is known. */
export function standsFor(alerts: Alerts, id: string): Alert | null {
  return pick(alerts, (alert) => (alert.suppresses ?? []).includes(id))[0] ?? null;
}

/** When an alert that was set aside comes back; null when it is not, or when the server did not say. */
export function returns_ms(alert: Alert): number | null {
  if (alert.phase !== "snoozed") return null;
  const until = alert.history.findLast((step) => step.until)?.until;
  return until ? Date.parse(until) : null;
}

/** The last step of a person that gave the alert the phase it is in. */
export function lastBy(alert: Alert): Change | null {
  return alert.history.findLast((step) => step.by && step.phase === alert.phase && step.reason !== "noted") ?? null;
}

/** People seen in alerts, the latest first. */
export function namesIn(alerts: Alerts): string[] {
  const seen = new Map<string, string>();
  for (const { alert } of alerts.values()) {
    if (alert.owner) seen.set(alert.owner, alert.updated_at);
    for (const step of alert.history) {
      for (const name of [step.by, step.to]) if (name && (seen.get(name) ?? "") < step.at) seen.set(name, step.at);
    }
  }
  return [...seen].sort((a, b) => b[1].localeCompare(a[1])).slice(0, NAMES_MAX).map(([name]) => name);
}

/** Says which alert a screen reader should hear of now: one that is new to the page, is back, or is newly critical. */
export function announcement(before: Alerts, alert: Alert): "none" | "polite" | "urgent" {
  if (!isUntaken(alert)) return "none";
  const old = before.get(alert.id)?.alert;
  if (alert.severity === "critical" && old?.severity !== "critical") return "urgent";
  return !old || !isUntaken(old) ? "polite" : "none";
}
