/** The shift report that the lead asked for: its page, made by the server, and its data. */
import { signal } from "@preact/signals";
import { zone } from "../text/format";
import { language } from "../text/text";
import { getJson, getPage, RestProblem, type Params } from "./rest";
import { end } from "./store";

/** Null: the last 8 hours, which is what the server takes by itself. */
export interface Wanted {
  from_ms: number | null;
  to_ms: number | null;
  team: string | null;
}

export type Report =
  | { state: "loading" }
  | { state: "shown"; page: string }
  | { state: "failed"; status: number; detail: string };

export const report = signal<Report>({ state: "loading" });

const PATH = "v1/reports/shift";
export const REACH_MS = 26 * 3_600_000;

export function isOrder(from_ms: number | null, to_ms: number | null, now_ms: number): boolean {
  return from_ms !== null && to_ms !== null && from_ms < Math.min(to_ms, now_ms) && to_ms - from_ms <= REACH_MS;
}

function params({ from_ms, to_ms, team }: Wanted): Params {
  const time = (at_ms: number | null) => (at_ms === null ? undefined : new Date(at_ms).toISOString());
  return { from: time(from_ms), to: time(to_ms), team: team ?? undefined, lang: language.value, zone: zone.value ?? localZone() };
}

/** The server knows the names of all zones of the world; what a browser calls by its own name is left to the settings. */
function localZone(): string | undefined {
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return /^[A-Z][A-Za-z_]+\/[A-Za-z_/+-]+$/.test(name) ? name : undefined;
}

let asked: AbortController | null = null;

export async function askFor(wanted: Wanted): Promise<void> {
  asked?.abort();
  const mine = (asked = new AbortController());
  if (report.value.state !== "shown") report.value = { state: "loading" };
  try {
    const page = await getPage(PATH, params(wanted), mine.signal);
    report.value = { state: "shown", page };
  } catch (problem) {
    if (mine.signal.aborted) return;
    if (problem instanceof RestProblem && problem.status === 429) {
      // The one asked for before is still being made: this one comes after it.
      await new Promise((done) => window.setTimeout(done, 1000 * (problem.retry_s ?? 2)));
      return mine.signal.aborted ? undefined : askFor(wanted);
    }
    const { status, message } = problem instanceof RestProblem ? problem : { status: 0, message: "" };
    if (status === 401) return void end({ code: 4005, reason: message });
    report.value = { state: "failed", status, detail: message };
  }
}

/** The data behind the page, as a file. */
export async function download(wanted: Wanted): Promise<void> {
  const data = await getJson<{ period?: { from?: string } }>(PATH, params(wanted));
  const day = (data.period?.from ?? new Date().toISOString()).slice(0, 16).replace(/[:T]/g, "-");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(data, null, 2)], { type: "application/json" }));
  link.download = `strainwatch-report-${day}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
