/** How often each rule fired and how often somebody did something about it: which alerts are noise here. */
import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { RuleCount, Rules } from "../contract";
import { getJson, RestProblem } from "../store/rest";
import { byFired, verdictOf } from "../store/ruleStats";
import { serverNow_ms } from "../store/store";
import { kindName } from "../text/alert";
import { roughly, whole } from "../text/format";
import { moment } from "../text/moment";
import { t } from "../text/text";

const DAY_MS = 86_400_000;
/** Days back; null is as far as the server counts. */
const SPANS = [1, null] as const;

export function RuleStats({ onKind }: { onKind: (kind: string) => void }) {
  const days = useSignal<(typeof SPANS)[number]>(null);
  const told = useSignal<Rules | null>(null);
  const failed = useSignal<string | null>(null);
  useEffect(() => {
    const mine = new AbortController();
    const since = days.value === null ? undefined : String(Math.round(serverNow_ms.peek() - days.value * DAY_MS));
    getJson<Rules>("v1/rules", { since }, mine.signal).then(
      (rules) => {
        told.value = rules;
        failed.value = null;
      },
      (fault: unknown) => {
        if (!mine.signal.aborted) failed.value = fault instanceof RestProblem ? fault.message : "";
      },
    );
    return () => mine.abort();
  }, [days.value]);
  const rules = byFired(told.value?.rules ?? []);
  return (
    <section class="section rules" aria-labelledby="rules">
      <h2 id="rules" tabIndex={-1}>{t("rules.title")}</h2>
      <p class="hint">{t("rules.about")}</p>
      <div class="spans" role="group" aria-label={t("rules.span")}>
        {SPANS.map((span) => (
          <button
            key={span}
            type="button"
            class="quiet choice"
            aria-pressed={days.value === span}
            onClick={() => (days.value = span)}
          >
            {t(span === 1 ? "rules.span.day" : "rules.span.week")}
          </button>
        ))}
      </div>
      {failed.value !== null && (
        <p class="alert-problem" role="alert">
          {failed.value ? t("log.failed.detail", { detail: failed.value }) : t("log.failed")}
        </p>
      )}
      <ul class="rule-list">
        {rules.map((rule) => (
          <Rule key={rule.kind} rule={rule} onKind={onKind} />
        ))}
      </ul>
      {told.value && (
        <p class="hint" role="status">
          {rules.length === 0 && `${t("rules.none")} `}
          {t("rules.since", { moment: moment(told.value.since, serverNow_ms.peek()) })}
        </p>
      )}
    </section>
  );
}

function Rule({ rule, onKind }: { rule: RuleCount; onKind: (kind: string) => void }) {
  const verdict = verdictOf(rule);
  const rest = [
    rule.acknowledged_p50_s !== null && t("rules.taken", { duration: roughly(rule.acknowledged_p50_s) }),
    rule.escalated > 0 && t("rules.escalated", { count: whole(rule.escalated) }),
    rule.suppressed > 0 && t("rules.suppressed", { count: whole(rule.suppressed) }),
    rule.open > 0 && t("rules.open", { count: whole(rule.open) }),
  ].filter(Boolean);
  return (
    <li class={`rule rule-${verdict}`} data-rule={rule.kind}>
      <div class="rule-head">
        <h3>{kindName(rule.kind)}</h3>
        <button
          type="button"
          class="quiet"
          aria-label={t("rules.show.label", { kind: kindName(rule.kind) })}
          onClick={() => onKind(rule.kind)}
        >
          {t("rules.show")}
        </button>
      </div>
      <p class="rule-fired">{t(rule.fired === 1 ? "rules.fired.once" : "rules.fired", { fired: whole(rule.fired), acted: whole(rule.acted) })}</p>
      <Share acted={rule.acted} fired={rule.fired} />
      {rest.length > 0 && <p class="label">{rest.join(" · ")}</p>}
      {verdict === "noise" && (
        <div class="rule-advice">
          <p>{t("rules.noise")}</p>
          <p class="label">{t("rules.noise.how")}</p>
          <pre tabIndex={0}>
            <code>{`[alerts."${rule.kind}"]\nopen_line = …\n\nstrainwatch replay day.ndjson --settings now.toml --compare calmer.toml`}</code>
          </pre>
        </div>
      )}
    </li>
  );
}

function Share({ acted, fired }: { acted: number; fired: number }) {
  const ref = useRef<HTMLSpanElement>(null);
  useLayoutEffect(() => {
    ref.current?.style.setProperty("width", `${fired ? (100 * acted) / fired : 0}%`);
  }, [acted, fired]);
  return (
    <div class="share" aria-hidden="true">
      <span ref={ref} class="share-acted" />
    </div>
  );
}
