/** The feed over a real WebSocket: carries out what the policy decides. */
import type { ClientFrame, ServerFrame } from "../contract";
import { begin, step, type Input, type Link, type Step } from "./policy";

export interface FeedListener {
  onFrame(frame: ServerFrame): void;
  onLink(link: Link): void;
}

export interface Feed {
  /** False when nothing could be sent now. */
  send(frame: ClientFrame): boolean;
  close(): void;
}

const SUBPROTOCOL = "strainwatch.v1";
/** A board comes every second; this long without any frame, the connection is dead though nobody said so. */
const QUIET_LIMIT_MS = 20_000;

export function feedUrl(page: string): string {
  const url = new URL("v1/feed", page);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.hash = url.search = "";
  return url.href;
}

export function openFeed(url: string, token: string, listener: FeedListener): Feed {
  let socket: WebSocket | null = null;
  let timer: number | undefined;
  let quiet: number | undefined;
  let current = begin(token);

  const take = (next: Step) => {
    const changed = next.session.link !== current.session.link;
    current = next;
    if (changed) listener.onLink(next.session.link);
    for (const effect of next.effects) {
      if (effect.do === "connect") connect();
      else if (effect.do === "send") socket?.send(JSON.stringify(effect.frame));
      else if (effect.do === "deliver") listener.onFrame(effect.frame);
      else timer = window.setTimeout(retry, effect.delay_ms);
    }
  };
  const put = (input: Input) => take(step(current.session, input, Math.random()));
  const retry = () => {
    window.clearTimeout(timer);
    put({ on: "waited" });
  };

  const watch = (mine: WebSocket) => {
    window.clearTimeout(quiet);
    quiet = window.setTimeout(() => drop(mine), QUIET_LIMIT_MS);
  };
  // A dead peer answers no closing handshake, so the close is taken as done at once.
  const drop = (mine: WebSocket) => {
    if (mine !== socket) return;
    leave();
    put({ on: "closed", code: 1006 });
  };
  const leave = () => {
    window.clearTimeout(quiet);
    const old = socket;
    socket = null;
    old?.close();
  };

  const connect = () => {
    const mine = new WebSocket(url, SUBPROTOCOL);
    socket = mine;
    watch(mine);
    mine.onopen = () => mine === socket && put({ on: "opened" });
    mine.onmessage = (message: MessageEvent<string>) => {
      if (mine !== socket) return;
      watch(mine);
      put({ on: "frame", frame: JSON.parse(message.data) as ServerFrame });
    };
    mine.onclose = (event) => {
      if (mine !== socket) return;
      window.clearTimeout(quiet);
      socket = null;
      put({ on: "closed", code: event.code });
    };
  };

  window.addEventListener("online", retry);
  listener.onLink(current.session.link);
  take(current);

  return {
    send(frame) {
      if (current.session.link.state !== "live" || socket?.readyState !== WebSocket.OPEN) return false;
      socket.send(JSON.stringify(frame));
      return true;
    },
    close() {
      window.removeEventListener("online", retry);
      window.clearTimeout(timer);
      leave();
    },
  };
}
