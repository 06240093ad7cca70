/** The day of what is opened: fetched when it is opened, again each minute while it stays open. */
import { effect, signal } from "@preact/signals";
import type { SubjectCourse } from "../contract";
import { opened, type Opened } from "./route";
import { signedIn } from "./store";
import { keptToken } from "./token";

export type Load =
  | { state: "loading" }
  | { state: "ready"; course: SubjectCourse }
  /** `absent`: not on this lead's board. `away`: no answer; it is asked again. */
  | { state: "failed"; why: "absent" | "away" };

export type Support = { state: "idle" | "sending" | "failed" | "refused" } | { state: "noted"; at_ms: number };

export const load = signal<Load>({ state: "loading" });
export const support = signal<Support>({ state: "idle" });

const AGAIN_MS = 60_000;
const AGAIN_AFTER_FAULT_MS = 5_000;

let timer: number | undefined;
let asking: AbortController | null = null;

effect(() => {
  const of = opened.value;
  window.clearTimeout(timer);
  asking?.abort();
  if (!of || !signedIn.value) return;
  load.value = { state: "loading" };
  support.value = { state: "idle" };
  void ask(of);
});

async function ask(of: Opened): Promise<void> {
  asking = new AbortController();
  const { signal: cancelled } = asking;
  let again_ms = AGAIN_MS;
  try {
    const query = new URLSearchParams({ type: of.type, id: of.id });
    const response = await fetch(`v1/history?${query}`, { headers: authorization(), signal: cancelled });
    if (response.ok) load.value = { state: "ready", course: (await response.json()) as SubjectCourse };
    else if (response.status === 404) load.value = { state: "failed", why: "absent" };
    else throw new Error(String(response.status));
  } catch {
    if (cancelled.aborted) return;
    again_ms = AGAIN_AFTER_FAULT_MS;
    // What was seen a minute ago stays; only a first question that fails leaves nothing to show.
    if (load.value.state !== "ready") load.value = { state: "failed", why: "away" };
  }
  if (!cancelled.aborted) timer = window.setTimeout(() => void ask(of), again_ms);
}

/** The lead spoke with an agent: told to the engine, which takes it as relief. */
export async function noteSupport(agent: string): Promise<void> {
  support.value = { state: "sending" };
  let next: Support;
  try {
    const response = await fetch(`v1/agents/${encodeURIComponent(agent)}/supported`, {
      method: "POST",
      headers: { ...authorization(), "Content-Type": "application/json" },
      body: "{}",
    });
    next = response.ok ? { state: "noted", at_ms: Date.now() } : { state: response.status < 500 ? "refused" : "failed" };
  } catch {
    next = { state: "failed" };
  }
  if (opened.value?.type === "agent" && opened.value.id === agent) support.value = next;
}

function authorization(): Record<string, string> {
  return { Authorization: `Bearer ${keptToken() ?? ""}` };
}
