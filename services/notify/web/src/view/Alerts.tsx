import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import type { Alert } from "../contract";
import { needing, resolved, setAside, suppressed, taken, thanks } from "../store/alerts";
import { alerts, fresh } from "../store/store";
import { t } from "../text/text";
import { AlertCard, HeldBackRow, OverRow } from "./AlertCard";
import { shortcutsShown, useKeptFocus, useShortcuts } from "./alertKeys";
import { Shortcuts } from "./Shortcuts";
import { useFirstThenAll } from "./still";
import { Thanks } from "./Thanks";

export function Alerts() {
  const all = alerts.value;
  const now = needing(all);
  const others = taken(all).length + setAside(all).length + thanks(all).length;
  useKeptFocus();
  useShortcuts();
  return (
    <section class="section alerts" aria-labelledby="alerts">
      <div class="alerts-head">
        <h2 id="alerts" tabIndex={-1}>
          {t("page.alerts")} {now.length > 0 && <span class="count">{now.length}</span>}
        </h2>
        <div class="alerts-tools">
          <button
            type="button"
            class="quiet keys-button"
            aria-haspopup="dialog"
            onClick={() => (shortcutsShown.value = true)}
          >
            {t("shortcuts.open")}
          </button>
          <a class="quiet link" href="#history">
            {t("log.open")}
          </a>
        </div>
      </div>
      {now.length === 0 && <Nothing others={others > 0} />}
      <Cards of={now} />
      <Thanks />
      <Group title={t("alerts.taken")} of={taken(all)} />
      <Group title={t("alerts.aside")} of={setAside(all)} />
      <HeldBack />
      <Over />
      <Shortcuts />
    </section>
  );
}

function Cards({ of, nested = false }: { of: readonly Alert[]; nested?: boolean }): ComponentChildren {
  const made = useFirstThenAll(of.length);
  return (
    <ul class="alert-list">
      {of.slice(0, made).map((alert) => (
        <AlertCard key={alert.id} alert={alert} nested={nested} />
      ))}
    </ul>
  );
}

function Group({ title, of }: { title: string; of: readonly Alert[] }) {
  if (of.length === 0) return null;
  return (
    <>
      <h3 class="group">
        {title} <span class="count">{of.length}</span>
      </h3>
      <Cards of={of} nested />
    </>
  );
}

/** "Nothing needs you" is a promise: said only when the page sees the present. */
function Nothing({ others }: { others: boolean }) {
  const { kind } = fresh.value;
  const key = kind === "live" ? "alerts.none" : kind === "empty" ? "alerts.none.yet" : "alerts.none.blind";
  return (
    <div class="nothing">
      <p class="nothing-title">{t(key)}</p>
      <p>{t(key === "alerts.none" && others ? "alerts.none.others" : `${key}.text`)}</p>
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

function Over() {
  const over = resolved(alerts.value);
  if (over.length === 0) return null;
  return (
    <>
      <h3 class="group">{t("alerts.resolved")}</h3>
      <ul class="over">
        {over.map((alert) => (
          <OverRow key={alert.id} alert={alert} />
        ))}
      </ul>
    </>
  );
}
