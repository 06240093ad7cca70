import type { Alert } from "../contract";
import { canAcknowledge, standsFor, type Ask } from "../store/alerts";
import { acknowledge, alerts, asks, canAct, serverNow_ms } from "../store/store";
import { roughly, timeOfDay } from "../text/format";
import { pair, t } from "../text/text";
import { Drivers } from "./Drivers";
import { SeverityLevel } from "./Level";
import { Name } from "./Name";

const titleOf = (alert: Alert) => pair(alert.title, alert.title_zh);

export function AlertCard({ alert }: { alert: Alert }) {
  const age_s = (serverNow_ms.value - Date.parse(alert.opened_at)) / 1000;
  const parts = alert.drivers.map((driver) => ({ ...driver, text: pair(driver.text, driver.text_zh) }));
  return (
    <li class={`card alert severity-${alert.severity} phase-${alert.phase}`} data-alert={alert.id}>
      <div class="alert-head">
        <SeverityLevel severity={alert.severity} />
        <span class="alert-since">
          {t("alerts.since", { time: timeOfDay(alert.opened_at), duration: roughly(age_s) })}
        </span>
      </div>
      <h3 class="alert-title" dir="auto">
        {titleOf(alert)}
      </h3>
      {parts.length > 0 && <Drivers parts={parts} strain={alert.strain} max={3} />}
      <p class="alert-action">
        <span class="label">{t("alerts.action")}</span>
        <span dir="auto">{pair(alert.action.text, alert.action.text_zh)}</span>
      </p>
      <Standing alert={alert} />
      {canAcknowledge(alert) && <AcknowledgeButton alert={alert} ask={asks.value.get(alert.id)} />}
    </li>
  );
}

/** Who has it, in words. */
function Standing({ alert }: { alert: Alert }) {
  if (alert.owner !== null) {
    const [before, after] = t("alerts.owner").split("{owner}");
    return (
      <p class="alert-owner">
        {before}
        <Name text={alert.owner} />
        {after}
      </p>
    );
  }
  if (alert.phase === "escalated") return <p class="alert-owner">{t("alerts.escalated")}</p>;
  if (alert.phase === "snoozed") return <p class="alert-owner">{t("alerts.snoozed")}</p>;
  return null;
}

/** Nothing changes before the change comes back for every lead; until then the button waits. */
function AcknowledgeButton({ alert, ask }: { alert: Alert; ask: Ask | undefined }) {
  const sent = ask?.state === "sent";
  return (
    <div class="alert-do">
      <button
        type="button"
        class="button"
        disabled={sent || !canAct.value}
        aria-label={t("alerts.acknowledge.label", { title: titleOf(alert) })}
        onClick={() => acknowledge(alert)}
      >
        {t(sent ? "alerts.sent" : "alerts.acknowledge")}
      </button>
      {ask?.state === "failed" && (
        <p class="alert-problem" role="status">
          {t(`alerts.failed.${ask.why}`, { detail: ask.detail ?? "" })}
        </p>
      )}
    </div>
  );
}

export function OverRow({ alert }: { alert: Alert }) {
  return (
    <li class="over-row" data-alert={alert.id}>
      <span dir="auto">{titleOf(alert)}</span>
      <span class="alert-since">{t("alerts.resolved.at", { time: timeOfDay(alert.updated_at) })}</span>
    </li>
  );
}

export function HeldBackRow({ alert }: { alert: Alert }) {
  const cover = standsFor(alerts.value, alert.id);
  const reason = alert.history.at(-1)?.reason;
  const words = cover
    ? t("alerts.suppressed.by", { title: titleOf(cover) })
    : reason
      ? t("alerts.suppressed.reason", { reason })
      : t("alerts.suppressed.plain");
  return (
    <li class="over-row" data-alert={alert.id}>
      <span dir="auto">{titleOf(alert)}</span>
      <span class="alert-since" dir="auto">
        {words}
      </span>
    </li>
  );
}
