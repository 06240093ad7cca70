/** Which changes of alerts are worth a sound or a notification. Pure. */
import type { Alert, Severity } from "../contract";
import { isThanks, isUntaken, type Alerts } from "../store/alerts";

export interface Occasion {
  /** The same in every tab, and another for each step of severity: whoever tells it, tells it once. */
  key: string;
  severity: Severity;
  alert: Alert;
  why: "new" | "worse" | "escalated" | "back";
}

const HEIGHT: Record<Severity, number> = { notice: 0, warning: 1, critical: 2 };

/** Whether an alert calls for somebody: nothing held back, set aside or over does, and a thank you does not ring. */
export function calls(alert: Alert): boolean {
  return isUntaken(alert) && !isThanks(alert);
}

const lastReturn = (alert: Alert) => alert.history.findLast((step) => step.reason === "snooze is over")?.at ?? "";

function why(before: Alert | undefined, alert: Alert): Occasion["why"] | null {
  const worse = before !== undefined && HEIGHT[alert.severity] > HEIGHT[before.severity];
  // Worse than when it was taken: whoever has it should hear of it too.
  const owned = alert.phase === "acknowledged" || alert.phase === "assigned";
  if (owned && worse && !isThanks(alert)) return "worse";
  if (!calls(alert)) return null;
  if (before === undefined || before.phase === "suppressed" || before.phase === "resolved") return "new";
  if (before.phase === "snoozed") return worse ? "worse" : "back";
  if (worse) return "worse";
  return alert.phase === "escalated" && before.phase !== "escalated" ? "escalated" : null;
}

/** What changed from one list to the next that somebody should be told of. Nothing for the very first list. */
export function occasions(before: Alerts | null, after: Alerts): Occasion[] {
  if (before === null || before === after) return [];
  const found: Occasion[] = [];
  for (const [id, { alert }] of after) {
    const old = before.get(id)?.alert;
    if (old === alert) continue;
    const reason = why(old, alert);
    if (reason === null) continue;
    const step = reason === "escalated" ? "escalated" : lastReturn(alert);
    found.push({ key: `${id} ${alert.severity} ${step}`, severity: alert.severity, alert, why: reason });
  }
  return found;
}

/** The one that speaks for all that came together. */
export function gravest(all: readonly Occasion[]): Occasion | null {
  return all.reduce<Occasion | null>((best, each) => (best && HEIGHT[best.severity] >= HEIGHT[each.severity] ? best : each), null);
}
