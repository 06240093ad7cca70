/** What the history of alerts is filtered by: kept in the address, so that it can be sent to a colleague. Pure. */
import type { AlertKind, Phase, Severity } from "../contract";
import type { Params } from "./rest";

export interface Filters {
  phase: string;
  kind: string;
  severity: string;
  team: string;
  subject: string;
}

export const NO_FILTERS: Filters = { phase: "", kind: "", severity: "", team: "", subject: "" };

// As records, so that a word that joins the contract is missed by the compiler and not by a lead.
const EVERY_KIND: Record<AlertKind, true> = {
  "queue.strain": true, "queue.surge": true, "issue.surge": true, "agent.strain": true, "agent.hard_streak": true,
  "agent.break_due": true, "agent.recognition": true, "team.strain": true, "feed.silent": true, "campaign.over_contact": true,
};
const EVERY_PHASE: Record<Phase, true> = {
  open: true, escalated: true, acknowledged: true, assigned: true, snoozed: true, suppressed: true, resolved: true,
};
const EVERY_SEVERITY: Record<Severity, true> = { critical: true, warning: true, notice: true };

export const KINDS = Object.keys(EVERY_KIND) as AlertKind[];
export const PHASES = Object.keys(EVERY_PHASE) as Phase[];
export const SEVERITIES = Object.keys(EVERY_SEVERITY) as Severity[];

/** What a page of the history is asked for with. Without a phase: all of them, as a history should. */
export function paramsOf(filters: Filters, limit: number, after: string | null): Params {
  const { phase, kind, severity, team, subject } = filters;
  return {
    phase: phase || PHASES.join(","), kind, severity, team: team.trim(), subject: subject.trim(),
    limit: String(limit), after: after ?? undefined,
  };
}

const NAMES = Object.keys(NO_FILTERS) as (keyof Filters)[];

export function hashOf(filters: Filters): string {
  const search = new URLSearchParams(NAMES.filter((name) => filters[name]).map((name) => [name, filters[name]]));
  return search.size ? `#history?${search}` : "#history";
}

/** The filters of an address; what it says of words that do not exist is left out. */
export function filtersOf(hash: string): Filters {
  const search = new URLSearchParams(hash.split("?")[1] ?? "");
  const filters = { ...NO_FILTERS };
  for (const name of NAMES) filters[name] = search.get(name) ?? "";
  if (!(PHASES as string[]).includes(filters.phase)) filters.phase = "";
  if (!(KINDS as string[]).includes(filters.kind)) filters.kind = "";
  if (!(SEVERITIES as string[]).includes(filters.severity)) filters.severity = "";
  return filters;
}
