/**
 * Text of the feed into frames. A board of thousands of agents is megabytes of text each second, and reading it would
 * hold up every key and every scroll: such boards are read by a worker.
 */
import type { BoardFrame, ServerFrame } from "../contract";
import { rowsOf, type AgentColumns } from "./columns";

/** Shorter texts are read at once: some milliseconds on a slow machine. */
const LONG = 250_000;
const BOARD = '{"kind":"board"';

interface Read {
  frame: BoardFrame;
  /** Without ids, where they are those of the board before. */
  agents: Omit<AgentColumns, "ids"> & { ids: readonly string[] | null };
}

/** `deliver` gets each frame; of boards that come faster than they are read, only the newest. */
export function createReader(deliver: (frame: ServerFrame) => void): { read: (text: string) => void; close: () => void } {
  let worker: Worker | null = null;
  let first = true;
  let busy = false;
  let ids: readonly string[] = [];
  let next: string | null = null;

  const start = () => {
    worker = new Worker(new URL("./board.worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<Read>) => {
      busy = false;
      ids = data.agents.ids ?? ids;
      const frame = { ...data.frame, agents: rowsOf({ ...data.agents, ids }) };
      if (next !== null) hand(next);
      deliver(frame);
    };
    // Without a worker the page reads for itself: slower, and nothing is lost.
    worker.onerror = () => {
      worker?.terminate();
      worker = null;
      busy = false;
      if (next !== null) deliver(JSON.parse(next) as ServerFrame);
      next = null;
    };
  };
  const hand = (text: string) => {
    next = null;
    busy = true;
    worker?.postMessage(text);
  };

  return {
    read(text) {
      if (text.length < LONG || !text.startsWith(BOARD)) {
        deliver(JSON.parse(text) as ServerFrame);
      } else if (first) {
        first = false; // the first board is wanted now, not when a worker has started
        deliver(JSON.parse(text) as ServerFrame);
        start();
      } else if (worker === null) {
        deliver(JSON.parse(text) as ServerFrame);
      } else if (busy) {
        next = text;
      } else {
        hand(text);
      }
    },
    close() {
      worker?.terminate();
      worker = null;
    },
  };
}
