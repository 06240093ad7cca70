/** Good words that are due: somebody came through a hard stretch well. Apart from problems, and in a warmer form. */
import type { Alert } from "../contract";
import { isUntaken, lastBy, thanks } from "../store/alerts";
import { unfolded } from "../store/desk";
import { alerts, asks } from "../store/store";
import { titleOf } from "../text/alert";
import { timeOfDay } from "../text/format";
import { pair, t } from "../text/text";
import { AlertActions } from "./AlertActions";
import { Sentence, Since } from "./AlertCard";
import { Details, Fold } from "./AlertDetails";

export function Thanks() {
  const due = thanks(alerts.value);
  if (due.length === 0) return null;
  return (
    <>
      <h3 class="group">{t("thanks.title")}</h3>
      <ul class="alert-list thanks-list">
        {due.map((alert) => (
          <ThanksCard key={alert.id} alert={alert} />
        ))}
      </ul>
    </>
  );
}

function ThanksCard({ alert }: { alert: Alert }) {
  const open = unfolded.value.has(alert.id);
  const said = isUntaken(alert) ? null : lastBy(alert);
  const by = said?.by ?? alert.owner;
  const heading = `alert-${alert.id}`;
  return (
    <li class={`card thanks phase-${alert.phase}`} data-alert={alert.id} tabIndex={-1} aria-labelledby={heading}>
      <div class="alert-head">
        <ThanksLevel alert={alert} />
        <Since alert={alert} />
      </div>
      <h4 class="alert-title" dir="auto" id={heading}>
        {titleOf(alert)}
      </h4>
      {isUntaken(alert) ? (
        <>
          {alert.action.say && <blockquote dir="auto">{pair(alert.action.say, alert.action.say_zh ?? "")}</blockquote>}
          <p class="alert-since" dir="auto">
            {pair(alert.action.text, alert.action.text_zh)}
          </p>
        </>
      ) : (
        by && (
          <p class="alert-owner">
            <Sentence words={t(alert.phase === "assigned" ? "thanks.with" : "thanks.by")} name={by} />
            {said && <span class="alert-by">{timeOfDay(said.at)}</span>}
          </p>
        )
      )}
      {(open || isUntaken(alert) || asks.value.has(alert.id)) && <AlertActions alert={alert} />}
      {open && <Details alert={alert} />}
      <Fold alert={alert} />
    </li>
  );
}

/** In place of a severity: a good word has none. */
export function ThanksLevel({ alert }: { alert: Alert }) {
  const said = alert.history.some((step) => step.by && (step.reason === "acknowledged" || step.reason === "closed"));
  return (
    <span class="level thanks-level">
      <Heart />
      {t(said ? "thanks.word.said" : "thanks.word")}
    </span>
  );
}

function Heart() {
  return (
    <svg class="sign sign-heart" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path
        class="sign-outline"
        d="M8 13.6C4.6 11 2 8.8 2 6.1 2 4.2 3.4 2.8 5.1 2.8c1.2 0 2.2.6 2.9 1.7.7-1.1 1.7-1.7 2.9-1.7 1.7 0 3.1 1.4 3.1 3.3 0 2.7-2.6 4.9-6 7.5z"
      />
    </svg>
  );
}
