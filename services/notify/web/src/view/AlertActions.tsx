/** What can be done with an alert. Nothing changes before the change comes back for every lead. */
import type { Alert } from "../contract";
import { isThanks, isUntaken } from "../store/alerts";
import { verbsFor, type Verb } from "../store/asks";
import { forms, setForm, toggleForm, unfolded } from "../store/desk";
import { me } from "../store/me";
import { act, asks, canAct, dismiss } from "../store/store";
import { titleOf } from "../text/alert";
import { t } from "../text/text";
import { AlertForm } from "./AlertForm";

/** What this person may do with this alert now. */
export function offered(alert: Alert): Verb[] {
  const may = me.value?.may;
  return verbsFor(alert).filter((verb) => !may || may.includes(verb));
}

/** The way from a button or a key: acknowledge goes at once, the others ask first. */
export function begin(alert: Alert, verb: Verb): void {
  if (!offered(alert).includes(verb) || asks.value.get(alert.id)?.state === "sent") return;
  dismiss(alert.id);
  if (verb === "acknowledge") {
    if (canAct.value) act({ kind: "acknowledge", alert: alert.id });
    return;
  }
  if (!isUntaken(alert)) unfolded.value = new Set([...unfolded.value, alert.id]); // or the form would not be seen
  toggleForm(alert.id, verb);
}

export function AlertActions({ alert }: { alert: Alert }) {
  const ask = asks.value.get(alert.id);
  const sent = ask?.state === "sent" ? ask.frame.kind : null;
  const verbs = offered(alert);
  const form = forms.value.get(alert.id);
  const shut = sent !== null || !canAct.value;
  return (
    <div class="alert-do" data-sent={sent ?? undefined}>
      {verbs.includes("acknowledge") && (
        <button
          type="button"
          class="button"
          data-control="acknowledge"
          aria-disabled={shut}
          aria-label={t(isThanks(alert) ? "thanks.said.label" : "alerts.acknowledge.label", { title: titleOf(alert) })}
          onClick={() => !shut && begin(alert, "acknowledge")}
        >
          {sent === "acknowledge" ? t("alerts.sent") : t(isThanks(alert) ? "thanks.said" : "alerts.acknowledge")}
        </button>
      )}
      {verbs.some((verb) => verb !== "acknowledge") && (
        <div class="alert-verbs" role="group" aria-label={t("alerts.verbs.label", { title: titleOf(alert) })}>
          {verbs.map((verb) => verb !== "acknowledge" && <VerbButton key={verb} alert={alert} verb={verb} shut={shut} />)}
        </div>
      )}
      {form && verbs.includes(form.verb) && (
        <AlertForm alert={alert} form={form} shut={shut} onCancel={() => leave(alert.id, form.verb)} />
      )}
      {sent !== null && sent !== "acknowledge" && <p class="label">{t("alerts.sent")}</p>}
      <Refusal alert={alert} />
    </div>
  );
}

function VerbButton({ alert, verb, shut }: { alert: Alert; verb: Verb; shut: boolean }) {
  return (
    <button
      type="button"
      class="quiet verb"
      data-control={verb}
      aria-expanded={forms.value.get(alert.id)?.verb === verb}
      aria-disabled={shut}
      onClick={() => !shut && begin(alert, verb)}
    >
      {t(`alerts.${verb}`)}
    </button>
  );
}

/** Closes a form and gives the focus back to the button that opened it. */
function leave(alert: string, verb: Verb): void {
  setForm(alert, null);
  document.querySelector<HTMLElement>(`[data-alert="${CSS.escape(alert)}"] [data-control="${verb}"]`)?.focus();
}

function Refusal({ alert }: { alert: Alert }) {
  const ask = asks.value.get(alert.id);
  return (
    <div role="status" class="alert-status">
      {ask?.state === "failed" && (
        <p class="alert-problem">
          <span dir="auto">{t(`alerts.failed.${ask.why}`, { detail: ask.detail ?? "" })}</span>
          <button type="button" class="quiet" data-control="dismiss" onClick={() => dismiss(alert.id)}>
            {t("alerts.failed.seen")}
          </button>
        </p>
      )}
    </div>
  );
}
