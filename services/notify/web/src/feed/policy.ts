/**
 * How the page stays on the feed, as a pure step function: no socket, no timer, no clock.
 *
 * Fresh start and reconnect are one road: authenticate, hello, resume, second hello. A fresh start resumes from
 * nowhere, which the server answers like any epoch it does not know: with all live alerts.
 *
 * Where no websocket comes through (some proxies cut them) though the server answers over HTTP, the same frames are
 * read from a stream. A stream says the token and the place to go on from in its request, so its only hello is the last.
 */
import type { BoardFrame, ClientFrame, Goodbye, ServerFrame } from "../contract";

export interface Position {
  epoch: string;
  cursor: string;
}

export const NOWHERE: Position = { epoch: "", cursor: "" };

export type Link =
  | { state: "connecting"; attempt: number }
  | { state: "joining"; attempt: number }
  | { state: "live" }
  | { state: "waiting"; attempt: number; delay_ms: number }
  | { state: "stopped"; code: number; reason: string };

export type Way = "socket" | "stream";

export interface Session {
  token: string;
  way: Way;
  /** Sockets in a row that ended before the server said a word. */
  unheard: number;
  link: Link;
  /** The last change this page has seen. Only a joined hello and alerts move it: a board may overtake an alert. */
  position: Position;
  /** The newest board that came before the alerts were known: it is shown with them. */
  early: BoardFrame | null;
  goodbye: Goodbye | null;
}

export type Input =
  | { on: "opened" }
  | { on: "frame"; frame: ServerFrame }
  | { on: "closed"; code: number }
  | { on: "waited" }
  /** Whether the server answered over HTTP. */
  | { on: "probed"; answers: boolean }
  /** There is a fresh token of the same person. */
  | { on: "renewed"; token: string };

export type Effect =
  /** By `session.way`; what was open is closed first. */
  | { do: "connect" }
  /** Ask the server something over HTTP. */
  | { do: "probe" }
  | { do: "send"; frame: ClientFrame }
  | { do: "deliver"; frame: ServerFrame }
  | { do: "wait"; delay_ms: number };

export interface Step {
  session: Session;
  effects: Effect[];
}

const DELAY_MIN_MS = 500;
const DELAY_MAX_MS = 30_000;
/** The first try is spread over two seconds, so that a restarted server is not met by every lead at once. */
const FIRST_SPREAD_MS = 2_000;

/** So many sockets unheard, one after the other, and the way may be barred. Product choice. */
export const UNHEARD_MAX = 3;
/** So many streams in a row that did not come to life, and sockets are tried again. */
const STREAMS_MAX = 3;

/** Close code of a token that ran out: below 4500, but the only token a page has is the one that ran out. */
export const TOKEN_EXPIRED = 4005;

/** Full jitter between 0.5 s and a bound that doubles up to 30 s. `attempt` starts at 1, `random` is in [0, 1). */
export function delayMs(attempt: number, random: number): number {
  const bound = Math.min(DELAY_MAX_MS, FIRST_SPREAD_MS * 2 ** (Math.min(attempt, 10) - 1));
  return Math.round(DELAY_MIN_MS + random * (bound - DELAY_MIN_MS));
}

/** Why not to come back after this close, or null when the page should. */
export function finalReason(code: number, goodbye: Goodbye | null): { code: number; reason: string } | null {
  const named = goodbye?.code ?? code;
  const final = (named >= 4500 && named <= 4999) || named === TOKEN_EXPIRED || goodbye?.reconnect === false;
  return final ? { code: named, reason: goodbye?.reason ?? "" } : null;
}

export function begin(token: string): Step {
  const session: Session = {
    token, way: "socket", unheard: 0, link: { state: "connecting", attempt: 1 }, position: NOWHERE, early: null, goodbye: null,
  };
  return { session, effects: [{ do: "connect" }] };
}

/** One input in, the next session and what to do out. `random` in [0, 1) is used for the delay only. */
export function step(session: Session, input: Input, random: number): Step {
  switch (input.on) {
    case "opened":
      if (session.way === "stream") return { session, effects: [] };
      return { session, effects: [{ do: "send", frame: { kind: "authenticate", token: session.token } }] };
    case "frame":
      return onFrame(session, input.frame);
    case "closed":
      return onClosed(session, input.code, random);
    case "waited":
      if (session.link.state !== "waiting") return { session, effects: [] };
      return {
        session: { ...session, link: { state: "connecting", attempt: session.link.attempt } },
        effects: [{ do: session.way === "socket" && session.unheard >= UNHEARD_MAX ? "probe" : "connect" }],
      };
    case "probed":
      if (session.link.state !== "connecting") return { session, effects: [] };
      if (!input.answers) return { session, effects: [{ do: "connect" }] };
      // Tries are counted anew: this way has not been tried yet.
      return { session: { ...session, way: "stream", link: { state: "connecting", attempt: 1 } }, effects: [{ do: "connect" }] };
    case "renewed":
      return onRenewed({ ...session, token: input.token });
  }
}

/** A living socket is told at once; a stream has its token in its request, so it is opened anew. */
function onRenewed(session: Session): Step {
  const { state } = session.link;
  if (state !== "live" && state !== "joining") return { session, effects: [] };
  if (session.way === "stream") return { session, effects: [{ do: "connect" }] };
  return { session, effects: [{ do: "send", frame: { kind: "authenticate", token: session.token } }] };
}

function onFrame(heard: Session, frame: ServerFrame): Step {
  const deliver: Effect = { do: "deliver", frame };
  const session: Session = heard.unheard ? { ...heard, unheard: 0 } : heard;
  switch (frame.kind) {
    case "hello": {
      if (frame.recovered === undefined || frame.recovered === null) {
        const link: Link = { state: "joining", attempt: attemptOf(session.link) };
        if (session.way === "stream") return { session: { ...session, link }, effects: [] };
        return { session: { ...session, link }, effects: [{ do: "send", frame: { kind: "resume", ...session.position } }] };
      }
      const position = { epoch: frame.epoch, cursor: frame.cursor };
      const effects: Effect[] = session.early ? [deliver, { do: "deliver", frame: session.early }] : [deliver];
      return { session: { ...session, link: { state: "live" }, position, early: null }, effects };
    }
    case "alert":
      // Before the second hello everything after our cursor is still to come, in order: nothing to take yet.
      if (session.link.state !== "live") return { session, effects: [] };
      return { session: { ...session, position: { ...session.position, cursor: frame.cursor } }, effects: [deliver] };
    case "goodbye":
      return { session: { ...session, goodbye: frame }, effects: [] };
    case "board":
      if (session.link.state === "live") return { session, effects: [deliver] };
      // Not before the alerts are known: a board without them would look calmer than it is.
      return { session: { ...session, early: frame }, effects: [] };
    case "problem":
      return { session, effects: [deliver] };
    default:
      return { session, effects: [] }; // a newer server may say more than this page knows
  }
}

function onClosed(session: Session, code: number, random: number): Step {
  const final = finalReason(code, session.goodbye);
  if (final) return { session: { ...session, early: null, goodbye: null, link: { state: "stopped", ...final } }, effects: [] };
  const attempt = session.link.state === "live" ? 1 : attemptOf(session.link) + 1;
  const delay_ms = delayMs(attempt, random);
  const unheard = session.way === "socket" && session.link.state === "connecting" ? session.unheard + 1 : 0;
  const way = session.way === "stream" && attempt > STREAMS_MAX ? "socket" : session.way;
  return {
    session: { ...session, way, unheard, early: null, goodbye: null, link: { state: "waiting", attempt, delay_ms } },
    effects: [{ do: "wait", delay_ms }],
  };
}

function attemptOf(link: Link): number {
  return "attempt" in link ? link.attempt : 1;
}
