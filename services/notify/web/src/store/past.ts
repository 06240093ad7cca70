/** How the queues in view stood before this page was opened: asked of the server one after the other, once each. */
import { effect, signal } from "@preact/signals";
import type { SubjectCourse } from "../contract";
import { LINE_S, type Line } from "./board";
import { getJson, RestProblem } from "./rest";
import { board, signedIn } from "./store";

/** Of queues that were asked for. */
export const pasts = signal<ReadonlyMap<string, Line>>(new Map());

/** A server that does not answer, or has answered too often, is left alone so long unless it says how long. */
const PAUSE_S = 10;

let wanted = new Set<string>();
let asking: AbortController | null = null;

effect(() => {
  if (signedIn.value) return;
  asking?.abort();
  asking = null;
  wanted = new Set();
  pasts.value = new Map();
});

/** Asks for what is in view; what it returns takes a question back that was not asked yet. */
export function wantPast(queue: string): () => void {
  const of = wanted;
  if (!pasts.peek().has(queue)) of.add(queue);
  if (asking === null && of.size) void askAll();
  return () => of.delete(queue);
}

async function askAll(): Promise<void> {
  const mine = (asking = new AbortController());
  for (const queue of wanted) {
    const pause_s = await ask(queue, mine.signal);
    if (pause_s) await new Promise((done) => window.setTimeout(done, 1000 * pause_s));
    if (mine.signal.aborted) return;
  }
  asking = null;
}

/** Seconds to wait before the next question. */
async function ask(queue: string, cancelled: AbortSignal): Promise<number> {
  const from_ms = (board.peek()?.at_ms ?? Date.now()) - 1000 * LINE_S;
  let line: Line = { times_s: [], strains: [] };
  let pause_s = 0;
  try {
    const course = await getJson<SubjectCourse>("v1/history", { type: "queue", id: queue, from: String(from_ms) }, cancelled);
    line = { times_s: course.at.map((at) => at / 1000), strains: course.strain };
  } catch (problem) {
    if (cancelled.aborted) return 0;
    // The line then begins with the page, as it would have.
    if (problem instanceof RestProblem && problem.status !== 404) pause_s = problem.retry_s ?? PAUSE_S;
  }
  wanted.delete(queue);
  pasts.value = new Map(pasts.peek()).set(queue, line);
  return pause_s;
}
