/** The feed as server-sent events, read by `fetch`: an EventSource could not send the token. Actions go over REST. */
import type { ClientFrame, ServerFrame } from "../contract";
import { eventParser } from "./sse";
import type { Position } from "./policy";
import type { Connection, Events } from "./transport";

/** What the feed would have said with the close of a socket. */
const CODES: Readonly<Record<number, number>> = { 401: 4500, 403: 4507 };
const LOST = 1006;

export interface StreamStart {
  page: string;
  token: string;
  position: Position;
}

export function openStream({ page, token, position }: StreamStart, events: Events): Connection {
  const giveUp = new AbortController();
  let over = false;
  const end = (code: number) => {
    if (over) return;
    over = true;
    giveUp.abort();
    events.closed(code);
  };
  const read = async () => {
    const response = await fetch(new URL("v1/stream", page), {
      // Said from nowhere too, so that the first hello brings all live alerts.
      headers: { Authorization: `Bearer ${token}`, Accept: "text/event-stream", "Last-Event-ID": markOf(position) },
      cache: "no-store",
      signal: giveUp.signal,
    });
    if (!response.ok || !response.body) return end(CODES[response.status] ?? LOST);
    if (over) return;
    events.opened();
    const parse = eventParser();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (over || done) return end(LOST);
      events.heard();
      for (const event of parse(value)) {
        if (!over) events.frame(JSON.parse(event.data) as ServerFrame);
      }
    }
  };
  read().catch(() => end(LOST));
  return {
    send(frame) {
      if (over) return false;
      void act(page, token, frame, events);
      return true;
    },
    close() {
      over = true;
      giveUp.abort();
    },
  };
}

/** As the stream's own ids are written. */
export function markOf({ epoch, cursor }: Position): string {
  return `${epoch}:${cursor}`;
}

/** The change itself comes by the stream; only a refusal is told from here. */
async function act(page: string, token: string, frame: ClientFrame, events: Events): Promise<void> {
  if (!("alert" in frame)) return;
  const { kind, alert, ...body } = frame;
  const refuse = (status: number, detail: string) => events.frame({ kind: "problem", alert, status, detail });
  try {
    const response = await fetch(new URL(`v1/alerts/${encodeURIComponent(alert)}/${kind}`, page), {
      method: "POST",
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    if (response.ok) return;
    const told = (await response.json().catch(() => ({}))) as { detail?: string };
    refuse(response.status, told.detail ?? String(response.status));
  } catch {
    refuse(0, "");
  }
}

/** Whether the server answers over HTTP, by the token that the feed was to have. */
export async function answers(page: string, token: string): Promise<boolean> {
  try {
    const headers = { Authorization: `Bearer ${token}` };
    return (await fetch(new URL("v1/board", page), { headers, cache: "no-store" })).ok;
  } catch {
    return false;
  }
}
