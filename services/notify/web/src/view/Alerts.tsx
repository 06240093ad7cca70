import { useSignal } from "@preact/signals";
import { current, resolved, suppressed } from "../store/alerts";
import { alerts, announced, fresh } from "../store/store";
import { t } from "../text/text";
import { AlertCard, HeldBackRow, OverRow } from "./AlertCard";

export function Alerts() {
  const now = current(alerts.value);
  const over = resolved(alerts.value);
  return (
    <section class="section alerts" aria-labelledby="alerts">
      <h2 id="alerts">
        {t("page.alerts")} {now.length > 0 && <span class="count">{now.length}</span>}
      </h2>
      {now.length === 0 && <Nothing />}
      <ul class="alert-list">
        {now.map((alert) => (
          <AlertCard key={alert.id} alert={alert} />
        ))}
      </ul>
      <HeldBack />
      {over.length > 0 && (
        <>
          <h3 class="group">{t("alerts.resolved")}</h3>
          <ul class="over">
            {over.map((alert) => (
              <OverRow key={alert.id} alert={alert} />
            ))}
          </ul>
        </>
      )}
      <div class="unseen" aria-live="polite">
        {announced.value.polite}
      </div>
      <div class="unseen" role="alert">
        {announced.value.urgent}
      </div>
    </section>
  );
}

/** "Nothing needs you" is a promise: said only when the page sees the present. */
function Nothing() {
  const { kind } = fresh.value;
  const key = kind === "live" ? "alerts.none" : kind === "empty" ? "alerts.none.yet" : "alerts.none.blind";
  return (
    <div class="nothing">
      <p class="nothing-title">{t(key)}</p>
      <p>{t(`${key}.text`)}</p>
    </div>
  );
}

function HeldBack() {
  const shown = useSignal(false);
  const held = suppressed(alerts.value);
  if (held.length === 0) return null;
  return (
    <div class="held-back">
      <button type="button" class="quiet" aria-expanded={shown.value} onClick={() => (shown.value = !shown.value)}>
        {shown.value ? t("alerts.suppressed.hide") : t("alerts.suppressed.show", { count: held.length })}
      </button>
      {shown.value && (
        <ul class="over">
          {held.map((alert) => (
            <HeldBackRow key={alert.id} alert={alert} />
          ))}
        </ul>
      )}
    </div>
  );
}
