/** The history of alerts: what was, filtered, page by page; and which rules ring for what. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Alert, AlertPage } from "../contract";
import { filtersOf, hashOf, NO_FILTERS, paramsOf, type Filters } from "../store/alertFilters";
import { isThanks } from "../store/alerts";
import { getJson, RestProblem } from "../store/rest";
import { serverNow_ms } from "../store/store";
import { kindName, titleOf } from "../text/alert";
import { roughly } from "../text/format";
import { moment } from "../text/moment";
import { t } from "../text/text";
import { LogFilters } from "./AlertLogFilters";
import { Reasons, Suggestion } from "./AlertCard";
import { Steps } from "./AlertDetails";
import { SeverityLevel } from "./Level";
import { Name } from "./Name";
import { RuleStats } from "./RuleStats";
import { ThanksLevel } from "./Thanks";

/** A screenful or two. */
const PAGE = 30;

interface Loaded {
  alerts: readonly Alert[];
  next: string | null;
  state: "loading" | "ready" | "failed";
  detail: string;
}

const NOTHING: Loaded = { alerts: [], next: null, state: "loading", detail: "" };

export function AlertLog() {
  const filters = useSignal<Filters>(filtersOf(location.hash));
  const loaded = useSignal<Loaded>(NOTHING);
  const asked = useRef<AbortController | null>(null);
  const load = async (after: string | null) => {
    asked.current?.abort();
    const mine = (asked.current = new AbortController());
    const before = after === null ? [] : loaded.value.alerts;
    loaded.value = { ...(after === null ? NOTHING : loaded.value), state: "loading" };
    try {
      const page = await getJson<AlertPage>("v1/alerts", paramsOf(filters.value, PAGE, after), mine.signal);
      const seen = new Set(before.map((alert) => alert.id));
      // What changed since the last page comes with its newest form on an earlier one: no alert twice.
      const alerts = [...before, ...page.alerts.filter((alert) => !seen.has(alert.id))];
      loaded.value = { alerts, next: page.next, state: "ready", detail: "" };
    } catch (fault) {
      if (mine.signal.aborted) return;
      loaded.value = { ...loaded.value, state: "failed", detail: fault instanceof RestProblem ? fault.message : "" };
    }
  };
  useEffect(() => {
    history.replaceState(null, "", hashOf(filters.value));
    void load(null);
    return () => asked.current?.abort();
  }, [filters.value]);
  const use = (some: Partial<Filters>) => (filters.value = { ...filters.value, ...some });
  return (
    <main class="log" id="history">
      <div class="log-head">
        <h1>{t("log.title")}</h1>
        <div class="alerts-tools">
          <button type="button" class="quiet rules-jump" onClick={() => document.getElementById("rules")?.focus()}>
            {t("rules.title")}
          </button>
          <a class="quiet link" href="#">
            {t("log.back")}
          </a>
        </div>
      </div>
      <div class="log-parts">
        <section class="section" aria-labelledby="log">
          <h2 id="log">{t("log.alerts")}</h2>
          <LogFilters filters={filters.value} seen={loaded.value.alerts} onChange={use} />
          <Found loaded={loaded.value} onMore={() => void load(loaded.value.next)} onAgain={() => void load(null)} />
        </section>
        <RuleStats onKind={(kind) => use({ ...NO_FILTERS, kind })} />
      </div>
    </main>
  );
}

function Found({ loaded, onMore, onAgain }: { loaded: Loaded; onMore: () => void; onAgain: () => void }) {
  const { alerts, next, state, detail } = loaded;
  return (
    <>
      <ul class="log-list" aria-busy={state === "loading"}>
        {alerts.map((alert) => (
          <LogRow key={alert.id} alert={alert} />
        ))}
      </ul>
      <p class="hint" role="status">
        {state === "loading" && t("log.loading")}
        {state === "ready" && (alerts.length === 0 ? t("log.none") : next === null ? t("log.all", { count: alerts.length }) : "")}
      </p>
      {state === "failed" && (
        <p class="alert-problem" role="alert">
          <span dir="auto">{detail ? t("log.failed.detail", { detail }) : t("log.failed")}</span>
          <button type="button" class="quiet" onClick={onAgain}>
            {t("log.again")}
          </button>
        </p>
      )}
      {state === "ready" && next !== null && (
        <p>
          <button type="button" class="quiet choice" onClick={onMore}>
            {t("log.more")}
          </button>
        </p>
      )}
    </>
  );
}

function LogRow({ alert }: { alert: Alert }) {
  const open = useSignal(false);
  const heading = `log-${alert.id}`;
  return (
    <li class="log-row" data-log={alert.id}>
      <h3 class="log-row-head" id={heading}>
        <button
          type="button"
          class="log-row-button"
          aria-expanded={open.value}
          onClick={() => (open.value = !open.value)}
        >
          <span class="log-title" dir="auto">
            {titleOf(alert)}
          </span>
          {isThanks(alert) ? <ThanksLevel alert={alert} /> : <SeverityLevel severity={alert.severity} />}
        </button>
      </h3>
      <p class="log-facts">
        <span>{moment(alert.opened_at, serverNow_ms.peek())}</span>
        <span>{phaseWords(alert)}</span>
        <span>{kindName(alert.kind)}</span>
        {alert.team !== null && <Name text={alert.team} />}
        {alert.owner !== null && <Name text={alert.owner} />}
      </p>
      {open.value && (
        <div class="log-open">
          <Reasons alert={alert} max={alert.drivers.length} />
          <Suggestion alert={alert} />
          <p class="label">{t("alerts.steps")}</p>
          <Steps alert={alert} />
        </div>
      )}
    </li>
  );
}

/** The phase; of what is over, after how long. */
function phaseWords(alert: Alert): string {
  if (alert.phase !== "resolved") return t(`phase.${alert.phase}`);
  const lasted_s = (Date.parse(alert.updated_at) - Date.parse(alert.opened_at)) / 1000;
  return lasted_s < 1 ? t("phase.resolved") : t("log.lasted", { duration: roughly(lasted_s) });
}
