/** The feed over a real connection: carries out what the policy decides. */
import type { ClientFrame, ServerFrame } from "../contract";
import { begin, step, type Input, type Link, type Step, type Way } from "./policy";
import { answers, openStream } from "./stream";
import { openSocket, type Connection, type Events } from "./transport";

export interface FeedListener {
  onFrame(frame: ServerFrame): void;
  onLink(link: Link, way: Way): void;
}

export interface Feed {
  /** False when nothing could be sent now. */
  send(frame: ClientFrame): boolean;
  /** A fresh token of the same person. */
  renew(token: string): void;
  close(): void;
}

/** A board comes every second; this long without any frame, the connection is dead though nobody said so. */
const QUIET_LIMIT_MS = 20_000;

/** `page` is the address of the page; the feed is beside it. */
export function openFeed(page: string, token: string, listener: FeedListener): Feed {
  let connection: Connection | null = null;
  let timer: number | undefined;
  let quiet: number | undefined;
  let current = begin(token);
  let over = false;

  const take = (next: Step) => {
    if (over) return;
    const changed = next.session.link !== current.session.link;
    current = next;
    if (changed) listener.onLink(next.session.link, next.session.way);
    for (const effect of next.effects) {
      if (effect.do === "connect") connect();
      else if (effect.do === "send") connection?.send(effect.frame);
      else if (effect.do === "deliver") listener.onFrame(effect.frame);
      else if (effect.do === "probe") void probe();
      else timer = window.setTimeout(retry, effect.delay_ms);
    }
  };
  const put = (input: Input) => take(step(current.session, input, Math.random()));
  const retry = () => {
    window.clearTimeout(timer);
    put({ on: "waited" });
  };
  const probe = async () => put({ on: "probed", answers: await answers(page, current.session.token) });

  const leave = () => {
    window.clearTimeout(quiet);
    connection?.close();
    connection = null;
  };
  // A dead peer answers no closing handshake, so the close is taken as done at once.
  const watch = () => {
    window.clearTimeout(quiet);
    quiet = window.setTimeout(() => {
      leave();
      put({ on: "closed", code: 1006 });
    }, QUIET_LIMIT_MS);
  };
  const events: Events = {
    opened: () => put({ on: "opened" }),
    frame: (frame) => put({ on: "frame", frame }),
    heard: watch,
    closed: (code) => {
      leave();
      put({ on: "closed", code });
    },
  };

  const connect = () => {
    leave();
    watch();
    const { way, token, position } = current.session;
    connection = way === "socket" ? openSocket(page, events) : openStream({ page, token, position }, events);
  };

  window.addEventListener("online", retry);
  listener.onLink(current.session.link, current.session.way);
  take(current);

  return {
    send: (frame) => current.session.link.state === "live" && (connection?.send(frame) ?? false),
    renew: (fresh) => put({ on: "renewed", token: fresh }),
    close() {
      over = true;
      window.removeEventListener("online", retry);
      window.clearTimeout(timer);
      leave();
    },
  };
}
