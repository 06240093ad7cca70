/** Who this token says I am: for "me" and for what may be offered. The server decides; this only saves a refusal. */
import { computed, signal } from "@preact/signals";
import type { Me } from "../contract";
import { zone } from "../text/format";
import { getJson } from "./rest";
import { keptToken } from "./token";

/** Until the server has said, what the token says of itself; null is what that does not tell. */
export interface Known extends Pick<Me, "sub" | "teams"> {
  may: Me["may"] | null;
  role: Me["role"] | null;
}

export const me = signal<Known | null>(null);
/** An agent sees the own page and nothing else. */
export const isAgent = computed(() => me.value?.role === "agent");

/** What a token says of itself, unverified; null when it is no JWT. */
export function claimsOf(token: string): Record<string, unknown> | null {
  try {
    const part = (token.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/");
    const bytes = Uint8Array.from(atob(part), (letter) => letter.charCodeAt(0));
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof claims === "object" && claims !== null ? (claims as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

const textOf = (value: unknown) => (typeof value === "string" && value ? value : null);

/** When a token ends, in seconds since 1970; null when it does not say. */
export function endOf_s(token: string): number | null {
  const exp = claimsOf(token)?.exp;
  return typeof exp === "number" ? exp : null;
}

const ROLES: readonly Me["role"][] = ["agent", "lead", "supervisor", "admin"];

function fromToken(token: string): Known | null {
  const claims = claimsOf(token);
  const sub = textOf(claims?.sub);
  if (sub === null) return null;
  const teams = Array.isArray(claims?.teams) ? claims.teams.filter((team) => typeof team === "string") : [];
  return { sub, may: null, role: ROLES.find((role) => role === claims?.role) ?? null, teams };
}

/** Known at once from the token, and better once the server has said: that is asked by what comes back, once. */
export function learnWho(token: string): () => Promise<void> {
  me.value = fromToken(token);
  let asked: Promise<void> | null = null;
  return () => (asked ??= ask(token));
}

async function ask(token: string): Promise<void> {
  try {
    const told = await getJson<Me>("v1/me");
    if (keptToken() !== token) return;
    me.value = told;
    zone.value = isZone(told.zone) ? told.zone : undefined;
  } catch {
    // What the token says is good enough to go on with.
  }
}

/** A browser may be older than the zone. */
function isZone(name: string | null | undefined): name is string {
  try {
    return Boolean(name && new Intl.DateTimeFormat("en", { timeZone: name }));
  } catch {
    return false;
  }
}
