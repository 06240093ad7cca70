/** The alerts a page knows, by id. Pure. */
import type { Alert, AlertFrame } from "../contract";

export interface Known {
  alert: Alert;
  /** Cursor of the change shown; empty when it came with a full list. */
  cursor: string;
}

export type Alerts = ReadonlyMap<string, Known>;

/** What an asked acknowledge came to so far. */
export type Ask =
  | { state: "sent"; at_ms: number }
  /** `detail` is what the server said; without it, no answer came. */
  | { state: "failed"; why: "lost" | "late" | "refused"; detail?: string };
export type Asks = ReadonlyMap<string, Ask>;

/** Enough to see what has just passed; older ones are in the history. */
const RECENTLY_OVER_MAX = 8;
/** The answer comes within 2 s when all is well; then the button is given back, with words. */
export const ANSWER_LIMIT_MS = 10_000;

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

function pick(alerts: Alerts, wanted: (alert: Alert) => boolean): Alert[] {
  return [...alerts.values()].map((known) => known.alert).filter(wanted);
}

/** Those that want a lead, newest first. */
export function current(alerts: Alerts): Alert[] {
  return pick(alerts, (alert) => alert.phase !== "resolved" && alert.phase !== "suppressed").sort(byOpened);
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

export function canAcknowledge(alert: Alert): boolean {
  return alert.phase === "open" || alert.phase === "escalated";
}

/** Says which alert a screen reader should hear of now: one that is new to the page, or newly critical. */
export function announcement(before: Alerts, alert: Alert): "none" | "polite" | "urgent" {
  if (!canAcknowledge(alert)) return "none";
  const old = before.get(alert.id)?.alert;
  if (alert.severity === "critical" && old?.severity !== "critical") return "urgent";
  return !old || !canAcknowledge(old) ? "polite" : "none";
}

export function withAsk(asks: Asks, id: string, ask: Ask | null): Asks {
  const next = new Map(asks);
  if (ask) next.set(id, ask);
  else next.delete(id);
  return next;
}

/** An ask is answered by the change itself. */
export function answered(asks: Asks, alert: Alert): Asks {
  return asks.has(alert.id) && !canAcknowledge(alert) ? withAsk(asks, alert.id, null) : asks;
}

/** Asks without an answer turn into words: all of them when the connection went, else those past the limit. */
export function unanswered(asks: Asks, now_ms: number, connected: boolean): Asks {
  let next = asks;
  for (const [id, ask] of asks) {
    if (ask.state !== "sent") continue;
    if (!connected) next = withAsk(next, id, { state: "failed", why: "lost" });
    else if (now_ms - ask.at_ms > ANSWER_LIMIT_MS) next = withAsk(next, id, { state: "failed", why: "late" });
  }
  return next;
}
