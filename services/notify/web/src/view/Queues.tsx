import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { QueueSignal } from "../contract";
import type { Line } from "../store/board";
import { finding, foundQueues } from "../store/find";
import { byBand } from "../store/roster";
import { blind, board } from "../store/store";
import { bandOf, type Band } from "../strain";
import { durationOrUnknown, percent, whole } from "../text/format";
import { t } from "../text/text";
import { Drivers, driversLook } from "./Drivers";
import { FirstEvent } from "./FirstEvent";
import { BandLevel } from "./Level";
import { Open } from "./Open";
import { RowGrid, type Item } from "./RowGrid";
import { Sparkline } from "./Sparkline";
import { useStill } from "./still";

const NO_LINE: Line = { times_s: [], strains: [] };
/** Up to so many queues all are cards; of more, those under strain. Product choice: what is looked over in one go. */
const CARDS_ALL = 6;
const CARDS_MAX = 6;
/** Of the others so many rows at first: who needs a hand must not stand below a long list of calm queues. */
const ROWS_FIRST = 6;

export function Queues() {
  const seen = board.value;
  const bands = seen?.queueBands ?? new Map<string, Band>();
  const queues = byBand(foundQueues.value, bands);
  const strained = queues.filter((queue) => bands.get(queue.id) === "strained" || bands.get(queue.id) === "critical");
  const cards = queues.length <= CARDS_ALL ? queues : strained.slice(0, CARDS_MAX);
  const rest = queues.slice(cards.length);
  const every = useSignal(false);
  const all = every.value || finding.value || rest.length <= ROWS_FIRST + 1;
  return (
    <section class="section" aria-labelledby="queues">
      <h2 id="queues">
        {t("page.queues")} {queues.length > CARDS_ALL && <span class="count">{queues.length}</span>}
      </h2>
      {queues.length === 0 && <None />}
      <ul class={queues.length <= CARDS_ALL ? "queues" : "queues queues-many"}>
        {cards.map((queue) => (
          <Queue key={queue.id} queue={queue} band={bands.get(queue.id) ?? "calm"} line={seen?.lines.get(queue.id) ?? NO_LINE} />
        ))}
      </ul>
      {rest.length > 0 && (
        <>
          <h3 class="group">{t(strained.length > cards.length ? "queue.more" : "queue.rest")}</h3>
          <QueueRows queues={all ? rest : rest.slice(0, ROWS_FIRST)} bands={bands} />
          {rest.length > ROWS_FIRST + 1 && !finding.value && (
            <p>
              <button type="button" class="quiet" aria-expanded={all} onClick={() => (every.value = !every.value)}>
                {all ? t("breaks.fewer") : t("queue.all", { count: rest.length })}
              </button>
            </p>
          )}
        </>
      )}
    </section>
  );
}

function None() {
  if (finding.value) return <p class="empty">{t("queue.none.found")}</p>;
  return board.value && !blind.value ? <FirstEvent /> : <p class="empty">{t("queue.none.blind")}</p>;
}

/** What is shown of a queue, in a card or a row; its line by the newest point that stays. */
function lookOf(queue: QueueSignal, band: Band | undefined, line: Line | undefined): string {
  const { id, strain, waiting, predicted_wait_s, service_level, agents, issues } = queue;
  const numbers = [whole(strain), whole(waiting), longest(queue), durationOrUnknown(predicted_wait_s), percent(service_level), agents];
  const about = (issues ?? []).map((each) => `${each.issue} ${percent(each.percent)}`);
  return JSON.stringify([id, band, numbers, driversLook(queue.drivers), about, line?.times_s.at(-2)]);
}

function Queue(props: { queue: QueueSignal; band: Band; line: Line }) {
  return <>{useStill(lookOf(props.queue, props.band, props.line), () => <Card {...props} />)}</>;
}

function Card({ queue, band, line }: { queue: QueueSignal; band: Band; line: Line }) {
  return (
    <li class={`card queue band-${band}`} data-queue={queue.id}>
      <div class="queue-head">
        <h3>
          <Open type="queue" id={queue.id} />
        </h3>
        <BandLevel band={band} />
      </div>
      <div class="queue-now">
        <strong class={`strain strain-${band}`} aria-label={t("queue.strain", { strain: whole(queue.strain) })}>
          {whole(queue.strain)}
        </strong>
        <Sparkline queue={queue.id} line={line} />
      </div>
      <Drivers parts={queue.drivers} strain={queue.strain} />
      <Issues queue={queue} />
      <QueueFacts queue={queue} />
    </li>
  );
}

/** The field's numbers, on a card and above the day. */
export function QueueFacts({ queue }: { queue: QueueSignal }) {
  return (
    <dl class="facts">
      <Fact name={t("queue.waiting")} value={whole(queue.waiting)} />
      <Fact name={t("queue.longest")} value={longest(queue)} />
      <Fact name={t("queue.predicted")} value={durationOrUnknown(queue.predicted_wait_s)} />
      <Fact name={t("queue.service")} value={percent(queue.service_level)} />
      <Fact name={t("queue.agents")} value={queue.agents == null ? t("value.unknown") : whole(queue.agents)} />
    </dl>
  );
}

/** What the contacts of the last hour are about. */
export function Issues({ queue }: { queue: QueueSignal }) {
  if (!queue.issues?.length) return null;
  return (
    <p class="issues">
      <span class="label">{t("queue.issues")}</span>{" "}
      {queue.issues.map((each) => (
        <span key={each.issue} class="issue">
          <bdi>{each.issue}</bdi> {percent(each.percent)}
        </span>
      ))}
    </p>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function longest(queue: QueueSignal): string {
  return queue.waiting === 0 ? "–" : durationOrUnknown(queue.longest_wait_s);
}

function QueueRows({ queues, bands }: { queues: readonly QueueSignal[]; bands: ReadonlyMap<string, Band> }) {
  const lines = board.value?.lines;
  const items = useMemo<Item<QueueSignal>[]>(() => queues.map((row) => ({ kind: "row", key: row.id, row })), [queues]);
  const heads = [
    { name: "name", title: t("rows.queue") },
    { name: "level", title: t("rows.strain") },
    { name: "line", title: t("rows.course") },
    { name: "waiting", title: t("queue.waiting") },
    { name: "longest", title: t("queue.longest") },
    { name: "predicted", title: t("queue.predicted") },
    { name: "service", title: t("queue.service") },
    { name: "staff", title: t("queue.agents") },
  ];
  return (
    <RowGrid
      class="queue-rows"
      label={t("page.queues")}
      heads={heads}
      items={items}
      marks={(queue) => ({ "data-queue": queue.id })}
      look={(queue) => lookOf(queue, bands.get(queue.id), lines?.get(queue.id))}
      cells={(queue, tabIndex) => [
        <Open type="queue" id={queue.id} tabIndex={tabIndex} />,
        <>
          <BandLevel band={bands.get(queue.id) ?? bandOf(queue.strain)} />
          <span class="row-strain">{whole(queue.strain)}</span>
        </>,
        <Sparkline queue={queue.id} line={lines?.get(queue.id) ?? NO_LINE} />,
        <Told label={t("queue.waiting")} value={whole(queue.waiting)} />,
        <Told label={t("queue.longest")} value={longest(queue)} />,
        <Told label={t("queue.predicted")} value={durationOrUnknown(queue.predicted_wait_s)} />,
        <Told label={t("queue.service")} value={percent(queue.service_level)} />,
        <Told label={t("queue.agents")} value={queue.agents == null ? t("value.unknown") : whole(queue.agents)} />,
      ]}
    />
  );
}

/** A value whose column has no head on a narrow screen. */
export function Told({ label, value }: { label: string; value: string }) {
  return (
    <>
      <span class="told-label" aria-hidden="true">
        {label}
      </span>
      {value}
    </>
  );
}
