/** Alerts and their steps in words. */
import type { Alert, Change } from "../contract";
import { timeOfDay } from "./format";
import { isKey, language, pair, t } from "./text";

export const titleOf = (alert: Alert): string => pair(alert.title, alert.title_zh);

/** A rule by name; one that this page does not know by its code. */
export function kindName(kind: string): string {
  const key = `kind.${kind}`;
  return isKey(key) ? t(key) : kind;
}

/** The key of a reason that the engine gives. */
export const stepKey = (reason: string): string => `step.${reason.replaceAll(" ", "_")}`;

/** A name inside a sentence, kept from turning the sentence around. */
const isolated = (name: string | null | undefined) => `\u2068${name ?? ""}\u2069`;

/** A step in words; a reason that this page does not know is shown as it is. */
export function stepWords(step: Change): string {
  const reason = step.reason ?? step.phase;
  const until = step.until ? timeOfDay(step.until) : null;
  const better = reason === "snoozed" && until ? "step.snoozed.until" : reason === "assigned" && step.to ? "step.assigned.to" : stepKey(reason);
  if (!isKey(better)) return reason;
  const values = { by: isolated(step.by ?? t("step.somebody")), to: isolated(step.to), until: until ?? "" };
  return t(better, { ...values, severity: t(`severity.${step.severity}`).toLocaleLowerCase(language.value) });
}
