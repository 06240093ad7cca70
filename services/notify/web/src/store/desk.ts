/** What a lead has in hand: forms half filled in and cards unfolded, by alert. It outlives a card that moves. */
import { signal } from "@preact/signals";
import type { Verb } from "./asks";

export interface Form {
  verb: Verb;
  text: string;
}

export const forms = signal<ReadonlyMap<string, Form>>(new Map());
export const unfolded = signal<ReadonlySet<string>>(new Set());

/** Opens a form at an alert, and keeps what was written into it; the same again closes it. */
export function toggleForm(alert: string, verb: Verb): void {
  const open = forms.value.get(alert);
  setForm(alert, open?.verb === verb ? null : { verb, text: "" });
}

export function setForm(alert: string, form: Form | null): void {
  const next = new Map(forms.value);
  if (form) next.set(alert, form);
  else next.delete(alert);
  forms.value = next;
}

export function toggleUnfolded(alert: string): void {
  const next = new Set(unfolded.value);
  if (!next.delete(alert)) next.add(alert);
  unfolded.value = next;
}
