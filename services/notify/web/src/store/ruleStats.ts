/** Which rules ring often and lead to little. Pure. */
import type { RuleCount } from "../contract";

/** Fewer than this say nothing yet. Product choice. */
const ENOUGH = 10;
/** At one in ten or less, leads have learnt to look away. Product choice. */
const NOISE_SHARE = 0.1;

export type Verdict = "noise" | "useful" | "early";

export function verdictOf(rule: RuleCount): Verdict {
  if (rule.fired < ENOUGH) return "early";
  return rule.acted / rule.fired <= NOISE_SHARE ? "noise" : "useful";
}

/** Those that ring most first. */
export function byFired(rules: readonly RuleCount[]): RuleCount[] {
  return [...rules].sort((a, b) => b.fired - a.fired || a.kind.localeCompare(b.kind));
}
