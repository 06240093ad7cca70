/** The shift report: what it is about, and the page that the server made of it. */
import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import "../../../reports/report.css";
import "../style/report-view.css";
import { me } from "../store/me";
import { askFor, download, isOrder, report, type Wanted } from "../store/report";
import { board, problem, serverNow_ms } from "../store/store";
import { zone } from "../text/format";
import { isKey, language, t } from "../text/text";
import { momentAt, wallClock, zoneName } from "../text/zone";

const SHIFT_MS = 8 * 3_600_000;
const LAST: Wanted = { from_ms: null, to_ms: null, team: null };

export function Report() {
  const wanted = useSignal<Wanted>(LAST);
  useEffect(() => void askFor(wanted.value), [wanted.value, language.value, zone.value]);
  const { state } = report.value;
  return (
    <>
      {state !== "shown" && <h1 class="unseen">{t("report.title")}</h1>}
      <Controls onWanted={(next) => (wanted.value = next)} wanted={wanted.value} />
      {report.value.state === "shown" ? <Page html={report.value.page} /> : <Waiting onAgain={() => void askFor(wanted.value)} />}
    </>
  );
}

function Waiting({ onAgain }: { onAgain: () => void }) {
  const at = report.value;
  if (at.state !== "failed") {
    return (
      <p class="report-waiting hint" role="status">
        {t("report.loading")}
      </p>
    );
  }
  const key = `report.fault.${at.status}`;
  return (
    <div class="report-waiting" role="alert">
      <p>{isKey(key) ? t(key) : t("report.fault.other", { detail: at.detail })}</p>
      <button type="button" class="quiet" onClick={onAgain}>
        {t("report.again")}
      </button>
    </div>
  );
}

/** Teams that this lead may ask for: those of the token, and those on the board. */
function teams(): string[] {
  const rows = [...(board.value?.frame.queues ?? []), ...(board.value?.frame.agents ?? [])];
  const names = [...(me.value?.teams ?? []).filter((name) => name !== "*"), ...rows.flatMap((row) => row.team ?? [])];
  return [...new Set(names)].sort((a, b) => a.localeCompare(b));
}

function Controls({ wanted, onWanted }: { wanted: Wanted; onWanted: (wanted: Wanted) => void }) {
  const between = useSignal(false);
  const from = useSignal(wallClock(Date.now() - SHIFT_MS, zone.value));
  const to = useSignal(wallClock(Date.now(), zone.value));
  const wrong = useSignal(false);
  const team = useSignal<string | null>(null);
  const names = teams();
  const show = (event: Event) => {
    event.preventDefault();
    const [from_ms, to_ms] = [momentAt(from.value, zone.value), momentAt(to.value, zone.value)];
    wrong.value = between.value && !isOrder(from_ms, to_ms, serverNow_ms.value);
    if (!wrong.value) onWanted(between.value ? { from_ms, to_ms, team: team.value } : { ...LAST, team: team.value });
  };
  const save = () => void download(wanted).catch((fault: Error) => (problem.value = fault.message || t("report.fault.0")));
  return (
    <form class="report-controls" aria-label={t("report.controls")} onSubmit={show}>
      <div class="choice" role="group" aria-label={t("report.period")}>
        <button type="button" data-period="last" aria-pressed={!between.value} onClick={(event) => ((between.value = false), show(event))}>
          {t("report.last")}
        </button>
        <button type="button" data-period="between" aria-pressed={between.value} onClick={() => (between.value = true)}>
          {t("report.between")}
        </button>
      </div>
      {names.length > 0 && (
        <label class="field">
          <span>{t("report.team")}</span>
          <select value={team.value ?? ""} onChange={(event) => ((team.value = event.currentTarget.value || null), show(event))}>
            <option value="">{t("report.team.all")}</option>
            {names.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
      )}
      <div class="report-out">
        <button type="button" class="button-plain" disabled={report.value.state !== "shown"} onClick={() => window.print()}>
          {t("report.print")}
        </button>
        <button type="button" class="button-plain" disabled={report.value.state !== "shown"} onClick={save}>
          {t("report.download")}
        </button>
      </div>
      {between.value && (
        <div class="report-between">
          <Moment id="report-from" label={t("report.from")} value={from.value} wrong={wrong.value} onInput={(text) => (from.value = text)} />
          <Moment id="report-to" label={t("report.to")} value={to.value} wrong={wrong.value} onInput={(text) => (to.value = text)} />
          <button type="submit" class="button">
            {t("report.show")}
          </button>
          <p class="hint">{t("report.zone", { zone: zoneName(zone.value) })}</p>
        </div>
      )}
      <p id="report-order" class="report-order" role="alert">
        {wrong.value && t("report.order")}
      </p>
    </form>
  );
}

interface MomentProps {
  id: string;
  label: string;
  value: string;
  wrong: boolean;
  onInput: (text: string) => void;
}

function Moment({ id, label, value, wrong, onInput }: MomentProps) {
  return (
    <label class="field" for={id}>
      <span>{label}</span>
      <input
        id={id}
        type="datetime-local"
        required
        value={value}
        aria-invalid={wrong}
        aria-describedby="report-order"
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </label>
  );
}

/** Takes the report out of the server's page. Nothing that could run or load is taken along. */
function Page({ html }: { html: string }) {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    // From its main on: a parser would lay the sheets of the page's head before this page's content policy.
    const main = new DOMParser().parseFromString(html.slice(html.indexOf("<main")), "text/html").querySelector("main.report");
    const article = document.createElement("article"); // this page has a main of its own
    for (const name of ["class", "lang"]) article.setAttribute(name, main?.getAttribute(name) ?? "");
    article.append(...(main?.childNodes ?? []));
    for (const each of article.querySelectorAll("script, style, link, iframe, object, embed, form")) each.remove();
    box.current?.replaceChildren(article);
  }, [html]);
  return <div class="report-page" ref={box} />;
}
