/** One connection, whichever way: what the feed needs of it. */
import type { ClientFrame, ServerFrame } from "../contract";
import { createReader } from "./reader";

export interface Events {
  opened(): void;
  frame(frame: ServerFrame): void;
  /** Anything came, if only a sign of life. */
  heard(): void;
  closed(code: number): void;
}

export interface Connection {
  /** False when nothing could be sent now. */
  send(frame: ClientFrame): boolean;
  /** Says nothing more. */
  close(): void;
}

const SUBPROTOCOL = "strainwatch.v1";

export function openSocket(page: string, events: Events): Connection {
  const url = new URL("v1/feed", page);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.hash = url.search = "";
  const socket = new WebSocket(url.href, SUBPROTOCOL);
  const reader = createReader((frame) => events.frame(frame));
  socket.onopen = () => events.opened();
  socket.onmessage = (message: MessageEvent<string>) => {
    events.heard();
    reader.read(message.data);
  };
  socket.onclose = (event) => events.closed(event.code);
  return {
    send(frame) {
      if (socket.readyState !== WebSocket.OPEN) return false;
      socket.send(JSON.stringify(frame));
      return true;
    },
    close() {
      socket.onopen = socket.onmessage = socket.onclose = null;
      reader.close();
      socket.close();
    },
  };
}
