/** An agent's own day, asked for every few seconds while the page is looked at. */
import { computed, signal } from "@preact/signals";
import type { OwnAgent } from "../contract";
import { getJson, postJson, RestProblem } from "./rest";
import { end, now_ms } from "./store";

export const EVERY_MS = 5000;
/** Three questions without an answer, and what is shown is the past. Product choice. */
const STALE_AFTER_MS = 15_000;
/** As on the board. */
const SILENT_AFTER_S = 60;

interface Seen {
  day: OwnAgent;
  /** This page's clock. */
  at_ms: number;
}

export const seen = signal<Seen | null>(null);
/** Status of the last question that came to nothing; 0 when the server was not reached. */
export const failed = signal<number | null>(null);

export type OwnFreshness = { kind: "loading" } | { kind: "live" } | { kind: "silent" | "stale"; age_s: number };

export function freshnessOf(last: Seen | null, now: number): OwnFreshness {
  if (last === null) return { kind: "loading" };
  const since_ms = Math.max(0, now - last.at_ms);
  const age_s = (last.day.data_age_s ?? 0) + since_ms / 1000;
  if (since_ms > STALE_AFTER_MS) return { kind: "stale", age_s };
  return last.day.data_age_s !== null && age_s > SILENT_AFTER_S ? { kind: "silent", age_s } : { kind: "live" };
}

export const ownFresh = computed(() => freshnessOf(seen.value, now_ms.value));

/** Asks now and from now on. Returns what stops it. */
export function followOwn(): () => void {
  const giveUp = new AbortController();
  let timer: number | undefined;
  const ask = async () => {
    window.clearTimeout(timer);
    try {
      const day = await getJson<OwnAgent>("v1/agents/me", {}, giveUp.signal);
      seen.value = { day, at_ms: now_ms.value };
      failed.value = null;
    } catch (problem) {
      if (giveUp.signal.aborted) return;
      failed.value = problem instanceof RestProblem ? problem.status : 0;
      if (failed.value === 401) return void end({ code: 4005, reason: "" });
    }
    if (!giveUp.signal.aborted) timer = window.setTimeout(() => void ask(), EVERY_MS);
  };
  const back = () => document.visibilityState === "visible" && void ask();
  document.addEventListener("visibilitychange", back);
  void ask();
  return () => {
    giveUp.abort();
    window.clearTimeout(timer);
    document.removeEventListener("visibilitychange", back);
    seen.value = failed.value = null;
    checkIn.value = { state: "none" };
  };
}

export type CheckInState = { state: "none" | "sending" | "sent" | "failed" } | { state: "soon"; retry_s: number };
export const checkIn = signal<CheckInState>({ state: "none" });

/** 1 light to 5 heavy. */
export async function sendCheckIn(load: number): Promise<void> {
  checkIn.value = { state: "sending" };
  try {
    await postJson("v1/agents/me/check-in", { load });
    checkIn.value = { state: "sent" };
  } catch (problem) {
    const soon = problem instanceof RestProblem && problem.status === 429;
    checkIn.value = soon ? { state: "soon", retry_s: problem.retry_s ?? 300 } : { state: "failed" };
  }
}
