/** The page's state: signals fed by the feed through the pure reducers, and the few things a lead can do. */
import { batch, computed, signal } from "@preact/signals";
import type { AlertFrame, Problem, ServerFrame } from "../contract";
import { createClock } from "../clock";
import type { Link, Way } from "../feed/policy";
import { openFeed, type Feed } from "../feed/socket";
import { t } from "../text/text";
import * as alertsOf from "./alerts";
import { announceAlert, hush, say } from "./announce";
import * as asksOf from "./asks";
import { applyBoard, freshness, sinceBoard_ms, type BoardSeen } from "./board";
import { forms, setForm, unfolded } from "./desk";
import { learnWho, me } from "./me";
import { forgetToken, keepToken, keptToken } from "./token";

const clock = createClock(Date.now, () => performance.now());

export const now_ms = signal(clock());
export const link = signal<Link | null>(null);
/** How the feed comes here. */
export const way = signal<Way>("socket");
/** This page's clock when the link last changed. */
const linkSince_ms = signal(0);
export const board = signal<BoardSeen | null>(null);
/** Something of the floor has been seen. */
export const hasBoard = computed(() => board.value !== null);
export const alerts = signal<alertsOf.Alerts>(new Map());
/** True once the live alerts are known: what comes after is news. */
export const joined = signal(false);
export const asks = signal<asksOf.Asks>(new Map());
export const problem = signal<string | null>(null);
/** Why the server ended the session, while signed out because of it. */
export const stopped = signal<{ code: number; reason: string } | null>(null);
export const signedIn = signal(false);

/** Gets a fresh token of the same person, or null; null itself where nobody can. */
export const renewal = signal<(() => Promise<string | null>) | null>(null);

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
  void enter(token);
}

/** Onto the feed, but for an agent, who has a page of the own. Only where the token does not say, the server is asked first. */
async function enter(token: string): Promise<void> {
  const ask = learnWho(token);
  if (me.value?.role == null) await ask();
  if (keptToken() !== token || !signedIn.value || me.value?.role === "agent") return;
  feed = openFeed(document.baseURI, token, { onFrame, onLink });
  await ask();
}

/** Go on with a fresh token of the same person. */
export function goOnWith(token: string): void {
  if (!signedIn.value) return;
  keepToken(token);
  feed?.renew(token);
  void learnWho(token)();
}

export function signOut(): void {
  leave();
  forgetToken();
  renewal.value = null;
  stopped.value = null;
}

/** The server will have no more of this token: get another where that can be done, else say why and ask to sign in. */
export async function end(why: { code: number; reason: string }): Promise<void> {
  const fresh = RENEWABLE.has(why.code) && clock() - renewed_ms > RENEW_EVERY_MS ? renewal.value : null;
  leave();
  // Any of these means that the token is of no use; after the others the same token may work again.
  if (USELESS.has(why.code)) forgetToken();
  const token = fresh === null ? null : await fresh();
  if (signedIn.value) return; // somebody signed in meanwhile
  if (token === null) {
    stopped.value = why;
    return;
  }
  renewed_ms = clock();
  signIn(token);
}

/** A fresh token that is refused as well is not followed by another at once. */
const RENEW_EVERY_MS = 60_000;
let renewed_ms = Number.NEGATIVE_INFINITY;

const RENEWABLE: ReadonlySet<number> = new Set([4005, 4500, 4504]);
const USELESS: ReadonlySet<number> = new Set([4005, 4500, 4504, 4507]);

/** Asks for something to be done with an alert. One ask at a time for each; the change itself is the answer. */
export function act(frame: asksOf.ActionFrame): void {
  if (asks.value.get(frame.alert)?.state === "sent") return;
  const sent = feed?.send(frame) ?? false;
  const ask: asksOf.Ask = sent ? { state: "sent", frame, at_ms: now_ms.value } : { state: "failed", why: "lost" };
  asks.value = asksOf.withAsk(asks.value, frame.alert, ask);
}

/** What was said at an alert about an ask that came to nothing has been read. */
export function dismiss(alert: string): void {
  if (asks.value.get(alert)?.state === "failed") asks.value = asksOf.withAsk(asks.value, alert, null);
}

export const TICK_MS = 1000;

/** Time goes on. A board that has just come brought it along: every age would be drawn twice a second. */
export function tick(): void {
  const at_ms = clock();
  if (at_ms - (board.value?.advanced_ms ?? Number.NEGATIVE_INFINITY) >= TICK_MS) now_ms.value = at_ms;
  asks.value = asksOf.unanswered(asks.value, at_ms, canAct.value);
}

function leave(): void {
  feed?.close();
  feed = null;
  signedIn.value = false;
  link.value = board.value = problem.value = null;
  joined.value = false;
  alerts.value = new Map();
  asks.value = new Map();
  forms.value = new Map();
  unfolded.value = new Set();
  me.value = null;
  hush();
}

function onLink(next: Link, by: Way): void {
  now_ms.value = linkSince_ms.value = clock();
  link.value = next;
  way.value = by;
  if (next.state === "stopped") void end(next);
}

function onFrame(frame: ServerFrame): void {
  switch (frame.kind) {
    case "board":
      now_ms.value = clock();
      board.value = applyBoard(board.value, frame, now_ms.value);
      break;
    case "hello":
      batch(() => {
        if (frame.recovered === false) alerts.value = alertsOf.replaceAll(alerts.value, frame.alerts ?? []);
        joined.value = true;
      });
      break;
    case "alert":
      changed(frame);
      break;
    case "problem":
      refused(frame);
  }
}

function changed(frame: AlertFrame): void {
  const { alert } = frame;
  const how = alertsOf.announcement(alerts.value, alert);
  if (how !== "none") announceAlert(how, alert);
  const before = alerts.value.get(alert.id)?.alert;
  const ask = asks.value.get(alert.id);
  batch(() => {
    alerts.value = alertsOf.applyAlert(alerts.value, frame);
    asks.value = asksOf.answered(asks.value, before, alert);
    if (ask?.state !== "sent" || asks.value.has(alert.id)) return;
    // What was written has arrived; until now it could still be sent again.
    const { frame: asked } = ask;
    const written = asked.kind === "acknowledge" && asked.note ? "note" : asked.kind;
    if (forms.value.get(alert.id)?.verb === written) setForm(alert.id, null);
    say("polite", t(`alerts.done.${asked.kind}`));
  });
}

function refused(frame: Problem): void {
  if (frame.status === 202) return; // written, and not scored yet: the change itself will answer
  if (!frame.alert) {
    problem.value = frame.detail;
    return;
  }
  const ask: asksOf.Ask = { state: "failed", why: "refused", detail: frame.detail };
  asks.value = asksOf.withAsk(asks.value, frame.alert, ask);
}
