/** What a lead asked for and has no answer to yet. Nothing changes on the page before the change comes back. Pure. */
import type { Acknowledge, AddNote, Alert, Assign, Close, Snooze } from "../contract";
import { isUntaken } from "./alerts";

export type ActionFrame = Acknowledge | Assign | Snooze | Close | AddNote;
export type Verb = ActionFrame["kind"];

export type Ask =
  | { state: "sent"; frame: ActionFrame; at_ms: number }
  /** `detail` is what the server said; without it, no answer came. */
  | { state: "failed"; why: "lost" | "late" | "refused"; detail?: string };
/** By alert: one ask at a time each. */
export type Asks = ReadonlyMap<string, Ask>;

/** The answer comes within 2 s when all is well; then the buttons are given back, with words. */
export const ANSWER_LIMIT_MS = 10_000;

/** The reason that the engine writes beside a step, by what was asked for. */
const REASONS: Record<Verb, string> = {
  acknowledge: "acknowledged", assign: "assigned", snooze: "snoozed", close: "closed", note: "noted",
};

const TOLD: readonly string[] = ["open", "acknowledged", "snoozed", "assigned", "escalated"];

/** What may happen to an alert in its phase; the first is the one to offer first. As the engine's table has it. */
export function verbsFor(alert: Alert): Verb[] {
  if (alert.phase === "suppressed") return ["acknowledge", "close", "note"];
  if (!TOLD.includes(alert.phase)) return [];
  const first: Verb[] = isUntaken(alert) || alert.phase === "snoozed" ? ["acknowledge"] : [];
  return [...first, "assign", "snooze", "close", "note"];
}

export function withAsk(asks: Asks, id: string, ask: Ask | null): Asks {
  const next = new Map(asks);
  if (ask) next.set(id, ask);
  else next.delete(id);
  return next;
}

/** Whether a change is what an ask was for: the step itself, or an alert for which there is nothing left to ask. */
export function answers(frame: ActionFrame, before: Alert | undefined, alert: Alert): boolean {
  if (alert.phase === "resolved") return true;
  if (frame.kind === "acknowledge" && alert.phase === "acknowledged") return true;
  if (frame.kind === "assign" && alert.phase === "assigned" && alert.owner === frame.to) return true;
  const known = new Set(before?.history.map((step) => `${step.at} ${step.reason} ${step.by}`));
  return alert.history.some(
    (step) => step.reason === REASONS[frame.kind] && !known.has(`${step.at} ${step.reason} ${step.by}`),
  );
}

/** An ask is answered by the change itself; what was refused stays to be read. */
export function answered(asks: Asks, before: Alert | undefined, alert: Alert): Asks {
  const ask = asks.get(alert.id);
  return ask?.state === "sent" && answers(ask.frame, before, alert) ? withAsk(asks, alert.id, null) : asks;
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
