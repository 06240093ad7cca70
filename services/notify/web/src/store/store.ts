/** The page's state: signals fed by the feed through the pure reducers, and the few things a lead can do. */
import { computed, signal } from "@preact/signals";
import type { Alert, Problem, ServerFrame } from "../contract";
import { createClock } from "../clock";
import type { Link } from "../feed/policy";
import { feedUrl, openFeed, type Feed } from "../feed/socket";
import { pair, t } from "../text/text";
import * as alertsOf from "./alerts";
import { applyBoard, freshness, sinceBoard_ms, type BoardSeen } from "./board";
import { forgetToken, keepToken } from "./token";

const clock = createClock(Date.now, () => performance.now());

export const now_ms = signal(clock());
export const link = signal<Link | null>(null);
/** This page's clock when the link last changed. */
const linkSince_ms = signal(0);
export const board = signal<BoardSeen | null>(null);
export const alerts = signal<alertsOf.Alerts>(new Map());
export const asks = signal<alertsOf.Asks>(new Map());
export const problem = signal<string | null>(null);
export const announced = signal<{ polite: string; urgent: string }>({ polite: "", urgent: "" });
/** Why the server ended the session, while signed out because of it. */
export const stopped = signal<{ code: number; reason: string } | null>(null);
export const signedIn = signal(false);

export const fresh = computed(() => freshness(link.value, board.value, now_ms.value));
/** True when what is shown may not be taken for now. */
export const blind = computed(() => fresh.value.kind !== "live" && fresh.value.kind !== "empty");
export const canAct = computed(() => link.value?.state === "live");

/** The server's time now: the last board's, and what has passed here since. Client clocks may be off. */
export const serverNow_ms = computed(() => {
  const seen = board.value;
  return seen ? seen.at_ms + sinceBoard_ms(seen, now_ms.value) : Date.now();
});

/** Seconds until the next try, while waiting for one. */
export const retryIn_s = computed(() => {
  const at = link.value;
  return at?.state === "waiting" ? Math.max(0, (at.delay_ms - (now_ms.value - linkSince_ms.value)) / 1000) : null;
});

let feed: Feed | null = null;

export function signIn(token: string): void {
  leave();
  keepToken(token);
  stopped.value = null;
  signedIn.value = true;
  feed = openFeed(feedUrl(document.baseURI), token, { onFrame, onLink });
}

export function signOut(): void {
  leave();
  forgetToken();
  stopped.value = null;
}

export function acknowledge(alert: Alert): void {
  const sent = feed?.send({ kind: "acknowledge", alert: alert.id }) ?? false;
  const ask: alertsOf.Ask = sent ? { state: "sent", at_ms: now_ms.value } : { state: "failed", why: "lost" };
  asks.value = alertsOf.withAsk(asks.value, alert.id, ask);
}

export function tick(): void {
  now_ms.value = clock();
  asks.value = alertsOf.unanswered(asks.value, now_ms.value, canAct.value);
}

function leave(): void {
  feed?.close();
  feed = null;
  signedIn.value = false;
  link.value = board.value = problem.value = null;
  alerts.value = new Map();
  asks.value = new Map();
  announced.value = { polite: "", urgent: "" };
}

function onLink(next: Link): void {
  now_ms.value = linkSince_ms.value = clock();
  link.value = next;
  if (next.state !== "stopped") return;
  leave();
  // Any of these means that the token is of no use; after the others the same token may work again.
  if ([4005, 4500, 4507].includes(next.code)) forgetToken();
  stopped.value = next;
}

function onFrame(frame: ServerFrame): void {
  switch (frame.kind) {
    case "board":
      now_ms.value = clock();
      board.value = applyBoard(board.value, frame, now_ms.value);
      break;
    case "hello":
      if (frame.recovered === false) alerts.value = alertsOf.replaceAll(alerts.value, frame.alerts ?? []);
      break;
    case "alert":
      announce(alertsOf.announcement(alerts.value, frame.alert), frame.alert);
      alerts.value = alertsOf.applyAlert(alerts.value, frame);
      asks.value = alertsOf.answered(asks.value, frame.alert);
      break;
    case "problem":
      refused(frame);
  }
}

function refused(frame: Problem): void {
  if (frame.status === 202) return; // written, and not scored yet: the change itself will answer
  if (!frame.alert) {
    problem.value = frame.detail;
    return;
  }
  const ask: alertsOf.Ask = { state: "failed", why: "refused", detail: frame.detail };
  asks.value = alertsOf.withAsk(asks.value, frame.alert, ask);
}

function announce(how: "none" | "polite" | "urgent", alert: Alert): void {
  if (how === "none") return;
  const title = pair(alert.title, alert.title_zh);
  announced.value = { ...announced.value, [how]: t("alerts.announce", { severity: t(`severity.${alert.severity}`), title }) };
}
