/** Reads boards beside the page: a text in, the frame with its agents in columns out. */
import type { BoardFrame } from "../contract";
import { buffersOf, columnsOf } from "./columns";

let known: readonly string[] = [];

self.onmessage = (message: MessageEvent<string>) => {
  const frame = JSON.parse(message.data) as BoardFrame;
  const columns = columnsOf(frame.agents, known);
  // Names that the page has already are not copied: it would have to read and to hash each of them again.
  const ids = columns.ids === known ? null : columns.ids;
  known = columns.ids;
  self.postMessage({ frame: { ...frame, agents: [] }, agents: { ...columns, ids } }, { transfer: buffersOf(columns) });
};
