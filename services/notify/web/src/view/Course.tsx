/** What was opened: how it stands, what the strain is made of, and its day. A dialog beside the board. */
import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { AgentSignal, SubjectCourse } from "../contract";
import { load } from "../store/course";
import { peakOf, spanOf, type Span } from "../store/day";
import { closeOpened, opened, type Opened } from "../store/route";
import { blind, board } from "../store/store";
import { bandOf } from "../strain";
import { duration, roughly, timeOfDay, whole } from "../text/format";
import { pair, t } from "../text/text";
import { breakNeeded, sinceBreak, stateFor } from "./Agents";
import type CourseChart from "./CourseChart";
import { Legend, Quarters } from "./CourseTable";
import { Drivers } from "./Drivers";
import { BandLevel, SeverityLevel } from "./Level";
import { Name } from "./Name";
import { Issues, QueueFacts } from "./Queues";
import { Supported } from "./Supported";

const HOURS = [1, 4, 12] as const;

export function CoursePanel() {
  const of = opened.value;
  return of ? <Panel key={`${of.type}/${of.id}`} of={of} /> : null;
}

function Panel({ of }: { of: Opened }) {
  const dialog = useRef<HTMLDialogElement>(null);
  // In one step with the document: there is no moment at which it stands there and is not open.
  useLayoutEffect(() => {
    dialog.current?.showModal();
    return () => {
      // The row may be another element by now: the focus goes to the link of the same name.
      const links = document.querySelectorAll<HTMLElement>(`[data-open="${CSS.escape(`${of.type}/${of.id}`)}"]`);
      const back = [...links].find((link) => link.tabIndex >= 0) ?? links[0];
      window.setTimeout(() => (back ?? document.querySelector<HTMLElement>("main h2 + *, main"))?.focus());
    };
  }, []);
  const frame = board.value?.frame;
  const queue = of.type === "queue" ? frame?.queues.find((each) => each.id === of.id) : undefined;
  const agent = of.type === "agent" ? frame?.agents.find((each) => each.id === of.id) : undefined;
  const row = queue ?? agent;
  const band = row && ((queue ? board.value?.queueBands : board.value?.agentBands)?.get(of.id) ?? bandOf(row.strain));
  return (
    <dialog
      class="course"
      ref={dialog}
      aria-labelledby="course-title"
      data-course={`${of.type}/${of.id}`}
      data-blind={blind.value}
      onClose={closeOpened}
      onClick={(event: MouseEvent) => event.target === dialog.current && dialog.current?.close()}
    >
      <div class="course-inner">
        <header class="course-head">
          <div>
            <p class="course-kind">
              {t(`course.${of.type}`)}
              {row?.team != null && (
                <>
                  {" · "}
                  <Name text={row.team} />
                </>
              )}
            </p>
            <h2 id="course-title">
              <Name text={of.id} />
            </h2>
          </div>
          <button type="button" class="quiet course-close" onClick={() => dialog.current?.close()}>
            {t("course.close")}
          </button>
        </header>
        {row && band && (
          <section class="course-now" aria-label={t("course.now")}>
            <p class="course-strain">
              <strong class={`strain strain-${band}`}>{whole(row.strain)}</strong>
              <span class="course-of">{t("course.of")}</span>
              <BandLevel band={band} />
            </p>
            {queue && <QueueFacts queue={queue} />}
            {agent && <AgentFacts agent={agent} />}
            <Drivers parts={row.drivers} strain={row.strain} max={12} />
            {queue && <Issues queue={queue} />}
          </section>
        )}
        {frame && !row && load.value.state === "ready" && <p class="empty">{t("course.gone")}</p>}
        {agent && <Supported agent={agent.id} />}
        <Day now={row && !blind.value ? row : undefined} />
      </div>
    </dialog>
  );
}

function AgentFacts({ agent }: { agent: AgentSignal }) {
  const told = [stateFor(agent), sinceBreak(agent), breakNeeded(agent)].filter(Boolean);
  return (
    <ul class="course-told">
      {told.map((each) => (
        <li key={each}>{each}</li>
      ))}
    </ul>
  );
}

function Day({ now }: { now: { strain: number } | undefined }) {
  const hours = useSignal<number>(HOURS[2]);
  const of = load.value;
  if (of.state === "loading") return <p class="empty" role="status">{t("course.loading")}</p>;
  if (of.state === "failed") return <p class="empty" role="status">{t(`course.failed.${of.why}`)}</p>;
  return (
    <section class="course-day" aria-labelledby="course-day">
      <div class="course-day-head">
        <h3 id="course-day">{t("course.day")}</h3>
        <div class="hours" role="group" aria-label={t("course.hours")}>
          {HOURS.map((each) => (
            <button key={each} type="button" class="quiet" aria-pressed={hours.value === each} onClick={() => (hours.value = each)}>
              {duration(each * 3600)}
            </button>
          ))}
        </div>
      </div>
      <Chart course={of.course} hours={hours.value} now={now} />
      <AlertsOfDay course={of.course} />
      <Quarters course={of.course} hours={hours.value} />
    </section>
  );
}

function Chart({ course, hours, now }: { course: SubjectCourse; hours: number; now: { strain: number } | undefined }) {
  const [Lines, setLines] = useState<ComponentType<Parameters<typeof CourseChart>[0]> | null>(null);
  const [place, setPlace] = useState<number | null>(null);
  useEffect(() => {
    void import("./CourseChart").then((chart) => setLines(() => chart.default));
  }, []);
  const at_ms = board.value?.at_ms ?? 0;
  const strain = now?.strain;
  const span = useMemo<Span>(
    () => spanOf(course, hours, strain === undefined ? null : { at_ms, strain }),
    [course, hours, strain, at_ms],
  );
  const peak = peakOf(span);
  const words = peak && {
    from: timeOfDay((span.times_s[0] ?? 0) * 1000),
    to: timeOfDay((span.times_s.at(-1) ?? 0) * 1000),
    peak: whole(peak.strain),
    at: timeOfDay(peak.at_s * 1000),
  };
  if (!words) return <p class="empty">{t("course.none")}</p>;
  return (
    <figure class="course-figure">
      <figcaption class="hint">{t("course.summary", words)}</figcaption>
      {Lines ? <Lines span={span} alerts={course.alerts} onPoint={setPlace} /> : <div class={span.waiting ? "charts-coming-two" : "charts-coming"} />}
      <Legend span={span} place={place} />
    </figure>
  );
}

function AlertsOfDay({ course }: { course: SubjectCourse }) {
  if (course.alerts.length === 0) return <p class="empty">{t("course.alerts.none")}</p>;
  return (
    <div class="course-alerts">
      <h4>{t("course.alerts")}</h4>
      <ul class="over">
        {[...course.alerts].reverse().map((alert) => (
          <li key={alert.id} class="over-row">
            <span class="course-alert">
              <SeverityLevel severity={alert.severity as "notice"} />
              <span dir="auto">{pair(alert.title, alert.title_zh)}</span>
            </span>
            <span class="alert-since">{whenOf(alert.opened_at, alert.ended_at)}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

function whenOf(opened_at: string, ended_at: string | null): string {
  const from = timeOfDay(opened_at);
  if (ended_at === null) return t("course.alert.open", { from });
  const lasted = roughly((Date.parse(ended_at) - Date.parse(opened_at)) / 1000);
  return t("course.alert.over", { from, to: timeOfDay(ended_at), duration: lasted });
}

