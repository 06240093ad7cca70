/** One alert: why, what helps and what to say, who has it, and what can be done. */
import { useComputed } from "@preact/signals";
import type { Alert } from "../contract";
import { isUntaken, lastBy, returns_ms, standsFor } from "../store/alerts";
import { unfolded } from "../store/desk";
import { alerts, asks, hasBoard, serverNow_ms } from "../store/store";
import { stepWords, titleOf } from "../text/alert";
import { roughly, timeOfDay } from "../text/format";
import { pair, t } from "../text/text";
import { AlertActions } from "./AlertActions";
import { Details, Fold } from "./AlertDetails";
import { Drivers } from "./Drivers";
import { SeverityLevel } from "./Level";
import { Name } from "./Name";

/** Drivers told before the rest is asked for. */
const DRIVERS_FIRST = 3;

/** `nested`: below a heading of a group. */
export function AlertCard({ alert, nested }: { alert: Alert; nested: boolean }) {
  const open = unfolded.value.has(alert.id);
  // What somebody has already needs fewer words.
  const whole = open || isUntaken(alert);
  const heading = `alert-${alert.id}`;
  const Heading = nested ? "h4" : "h3";
  return (
    <li
      class={`card alert severity-${alert.severity} phase-${alert.phase}`}
      data-alert={alert.id}
      tabIndex={-1}
      aria-labelledby={heading}
    >
      <div class="alert-head">
        <SeverityLevel severity={alert.severity} />
        <Since alert={alert} />
      </div>
      <Heading class="alert-title" dir="auto" id={heading}>
        {titleOf(alert)}
      </Heading>
      <Standing alert={alert} />
      {whole && <Reasons alert={alert} max={open ? alert.drivers.length : DRIVERS_FIRST} />}
      {whole && <Suggestion alert={alert} />}
      {(whole || asks.value.has(alert.id)) && <AlertActions alert={alert} />}
      {open && <Details alert={alert} />}
      <Fold alert={alert} />
    </li>
  );
}

/** Since when, by the server's clock; how long only once that is known. */
export function Since({ alert }: { alert: Alert }) {
  // A text of its own: each second of each card is a look at the clock, and a change of the page only when it reads otherwise.
  const at = useComputed(() => timeOfDay(alert.opened_at));
  const words = useComputed(() => {
    const time = at.value;
    if (!hasBoard.value) return t("alerts.since.time", { time });
    return t("alerts.since", { time, duration: roughly((serverNow_ms.value - Date.parse(alert.opened_at)) / 1000) });
  });
  return <span class="alert-since">{words}</span>;
}

export function Reasons({ alert, max }: { alert: Alert; max: number }) {
  if (alert.drivers.length === 0) return null;
  const parts = alert.drivers.map((driver) => ({ ...driver, text: pair(driver.text, driver.text_zh) }));
  return <Drivers parts={parts} strain={alert.strain} max={max} />;
}

/** What helps, and words for it. */
export function Suggestion({ alert }: { alert: Alert }) {
  const { text, text_zh, say, say_zh } = alert.action;
  return (
    <div class="alert-action">
      <p>
        <span class="label">{t("alerts.action")}</span>
        <span dir="auto">{pair(text, text_zh)}</span>
      </p>
      {say && (
        <figure class="say">
          <figcaption class="label">{t("alerts.say")}</figcaption>
          <blockquote dir="auto">{pair(say, say_zh ?? "")}</blockquote>
        </figure>
      )}
    </div>
  );
}

/** A sentence of the catalogue around a name, which is kept from disturbing it. */
export function Sentence({ words, name }: { words: string; name: string }) {
  const [before, after] = words.split("{name}");
  return (
    <>
      {before}
      <Name text={name} />
      {after}
    </>
  );
}

/** Who has it, in words. */
function Standing({ alert }: { alert: Alert }) {
  if (alert.phase === "snoozed") return <SetAside alert={alert} />;
  if (alert.owner !== null) {
    return (
      <p class="alert-owner">
        <Sentence words={t("alerts.owner")} name={alert.owner} />
      </p>
    );
  }
  if (alert.phase === "escalated") return <p class="alert-owner alert-escalated">{t("alerts.escalated")}</p>;
  return null;
}

/** Until when it is set aside, by whom; when it was and is back, the history says it. */
function SetAside({ alert }: { alert: Alert }) {
  const at_ms = returns_ms(alert);
  const by = lastBy(alert)?.by;
  const left_s = at_ms === null ? null : (at_ms - serverNow_ms.value) / 1000;
  return (
    <p class="alert-owner">
      {left_s === null
        ? t("alerts.snoozed")
        : left_s < 1
          ? t("alerts.snoozed.now")
          : t("alerts.snoozed.until", { time: timeOfDay(new Date(at_ms ?? 0).toISOString()), duration: roughly(left_s) })}
      {by && (
        <span class="alert-by">
          <Sentence words={t("alerts.snoozed.by")} name={by} />
        </span>
      )}
    </p>
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

/** Held back, with the reason. It can still be taken on, closed, or written to. */
export function HeldBackRow({ alert }: { alert: Alert }) {
  const open = unfolded.value.has(alert.id);
  return (
    <li class="over-row held-row" data-alert={alert.id} tabIndex={-1}>
      <span dir="auto">{titleOf(alert)}</span>
      <span class="alert-since" dir="auto">
        {heldWords(alert)}
      </span>
      {open && <Reasons alert={alert} max={DRIVERS_FIRST} />}
      {open && <Suggestion alert={alert} />}
      {open && <AlertActions alert={alert} />}
      {open && <Details alert={alert} />}
      <Fold alert={alert} />
    </li>
  );
}

function heldWords(alert: Alert): string {
  const cover = standsFor(alerts.value, alert.id);
  if (cover) return t("alerts.suppressed.by", { title: titleOf(cover) });
  const step = alert.history.findLast((each) => each.phase === "suppressed" && !each.by);
  return step ? stepWords(step) : t("alerts.suppressed.plain");
}
