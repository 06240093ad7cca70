/** What happened to an alert: who did what when, in words. */
import type { Alert } from "../contract";
import { toggleUnfolded, unfolded } from "../store/desk";
import { serverNow_ms } from "../store/store";
import { stepWords } from "../text/alert";
import { moment } from "../text/moment";
import { t } from "../text/text";

/** The button that unfolds and folds a card. */
export function Fold({ alert }: { alert: Alert }) {
  const open = unfolded.value.has(alert.id);
  return (
    <button
      type="button"
      class="quiet fold"
      data-control="fold"
      aria-expanded={open}
      onClick={() => toggleUnfolded(alert.id)}
    >
      {t(open ? "alerts.less" : "alerts.more")}
    </button>
  );
}

export function Details({ alert }: { alert: Alert }) {
  return (
    <div class="details">
      <p class="label">{t("alerts.steps")}</p>
      <Steps alert={alert} />
      {alert.evidence.length > 0 && <p class="label">{t("alerts.evidence", { count: alert.evidence.length })}</p>}
      {(alert.suppresses ?? []).length > 0 && (
        <p class="label">{t("alerts.covers", { count: (alert.suppresses ?? []).length })}</p>
      )}
    </div>
  );
}

export function Steps({ alert }: { alert: Alert }) {
  return (
    <ul class="steps">
      {alert.history.map((step, i) => (
        <li key={i} class={step.by ? "step step-by" : "step"}>
          <span class="step-at">{moment(step.at, serverNow_ms.peek())}</span>
          <span class="step-what">
            {stepWords(step)}
            {step.note && (
              <q class="step-note" dir="auto" lang="">
                {step.note}
              </q>
            )}
          </span>
        </li>
      ))}
    </ul>
  );
}
