/** What an agent sees: the own strain, what it is made of, what would help, and what is kept. Nobody else's. */
import { useEffect } from "preact/hooks";
import type { OwnAgent, Stored } from "../contract";
import { failed, followOwn, ownFresh, seen } from "../store/own";
import { bandOf } from "../strain";
import { duration, stateName, timeOfDay, whole } from "../text/format";
import { pair, t } from "../text/text";
import { CheckIn } from "./CheckIn";
import { Drivers } from "./Drivers";
import { PlainLevel } from "./PlainLevel";

export function OwnDay() {
  useEffect(followOwn, []);
  const fresh = ownFresh.value;
  const past = fresh.kind === "stale" || fresh.kind === "silent";
  return (
    <main class="own" data-own={fresh.kind} aria-busy={fresh.kind === "loading" && failed.value === null}>
      <h1>{t("own.title")}</h1>
      <p class="blind-notice" role="status" hidden={!past}>
        {past && t(`own.${fresh.kind}`, { duration: duration(fresh.age_s) })}
      </p>
      {seen.value ? <Day day={seen.value.day} /> : <Waiting />}
    </main>
  );
}

function Waiting() {
  if (failed.value === 403) return <p class="own-part card">{t("own.forbidden")}</p>;
  if (failed.value !== null) return <p class="own-part card">{t("report.fault.0")}</p>;
  return <p class="hint">{t("own.loading")}</p>;
}

function Day({ day }: { day: OwnAgent }) {
  return (
    <>
      <Now day={day} />
      <div class="own-beside">
        <Help day={day} />
        <CheckIn last={day.check_in_at} />
      </div>
      <Who />
      <Kept stored={day.stored} />
    </>
  );
}

function Now({ day }: { day: OwnAgent }) {
  if (day.strain === null) return <p class="own-part card">{t("own.none")}</p>;
  return (
    <section class="own-part own-now card" aria-labelledby="own-now">
      <div class="own-head">
        <h2 id="own-now">{t("own.now")}</h2>
        <PlainLevel band={bandOf(day.strain)} />
      </div>
      <p class="own-number">
        <strong>{whole(day.strain)}</strong> <span>/ 100</span>
      </p>
      <h3 class="group">{t("own.made")}</h3>
      {day.strain < 0.5 ? <p class="hint">{t("own.made.none")}</p> : <Drivers parts={day.drivers} strain={day.strain} max={8} />}
      <p class="own-foot hint">
        {t("own.state", { state: stateName(day.state) })} · {t("own.at", { time: timeOfDay(day.at) })}
      </p>
      <p class="hint">{t("own.about")}</p>
    </section>
  );
}

function Help({ day }: { day: OwnAgent }) {
  const resting = day.state === "break";
  const wanted = day.break_min !== null && day.break_min > 0;
  return (
    <section class="own-part card" aria-labelledby="own-break">
      <h2 id="own-break">{t("own.break")}</h2>
      {resting && <p>{t("own.break.on")}</p>}
      {wanted ? (
        <>
          <p>{t("own.break.min", { duration: duration((day.break_min ?? 0) * 60) })}</p>
          {!resting && <p class="hint">{t("own.break.ask")}</p>}
        </>
      ) : (
        !resting && <p>{t("own.break.none")}</p>
      )}
    </section>
  );
}

function Who() {
  return (
    <section class="own-part card own-who" aria-labelledby="own-who">
      <h2 id="own-who">{t("own.who")}</h2>
      <ul>
        <li>{t("own.who.you")}</li>
        <li>{t("own.who.leads")}</li>
        <li>{t("own.who.none")}</li>
      </ul>
    </section>
  );
}

function Kept({ stored }: { stored: readonly Stored[] }) {
  if (!stored.length) return null;
  return (
    <section class="own-part card" aria-labelledby="own-stored">
      <h2 id="own-stored">{t("own.stored")}</h2>
      <dl class="own-stored">
        {stored.map(({ what, what_zh, for_s }) => (
          <div key={what}>
            <dt>{pair(what, what_zh)}</dt>
            <dd>{for_s === null ? t("own.stored.newer") : duration(for_s)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
