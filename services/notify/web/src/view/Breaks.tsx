/** Who needs a break and could go now, and how much longer callers would wait meanwhile. The order is the server's. */
import { useSignal } from "@preact/signals";
import type { BreakCost, BreakDue } from "../contract";
import { finding, foundAgents } from "../store/find";
import { blind, board, fresh } from "../store/store";
import { durationOrUnknown, roughly, stateName } from "../text/format";
import { t } from "../text/text";
import { Name } from "./Name";
import { Open } from "./Open";

/** As many as a lead can send off before looking again; the rest on demand. Product choice. */
const FIRST = 4;
/** Queues told with each: the dearest decide. Product choice. */
const QUEUES = 3;
/** A difference that a caller notices. Product choice. */
const FELT_S = 1;

export function Breaks() {
  const every = useSignal(false);
  const whole = board.value?.frame.breaks ?? [];
  const meant = finding.value ? new Set(foundAgents.value.map((agent) => agent.id)) : null;
  const due = meant ? whole.filter((one) => meant.has(one.agent)) : whole;
  const shown = every.value ? due : due.slice(0, FIRST);
  return (
    <section class="section" aria-labelledby="breaks">
      <h2 id="breaks">
        {t("page.breaks")} {due.length > 0 && <span class="count">{due.length}</span>}
      </h2>
      {due.length === 0 ? <Nobody /> : <p class="hint">{t("breaks.about")}</p>}
      <ul class="breaks">
        {shown.map((one) => (
          <Due key={one.agent} due={one} />
        ))}
      </ul>
      {due.length > FIRST && (
        <p>
          <button
            type="button"
            class="quiet"
            aria-expanded={every.value}
            onClick={() => (every.value = !every.value)}
          >
            {every.value ? t("breaks.fewer") : t("breaks.all", { count: due.length })}
          </button>
        </p>
      )}
    </section>
  );
}

/** "Nobody" only where the page sees the present and the ACD says who is on a break. */
function Nobody() {
  if (finding.value) return <p class="empty">{t("breaks.none.found")}</p>;
  const off = board.value?.frame.drivers_off ?? [];
  const key = fresh.value.kind === "empty" ? "breaks.empty" : blind.value || !board.value ? "breaks.blind" : off.includes("agent.since_break") ? "breaks.unknown" : "breaks.none";
  return <p class="empty">{t(key)}</p>;
}

function Due({ due }: { due: BreakDue }) {
  const queues = due.queues.slice(0, QUEUES);
  const rest = due.queues.length - queues.length;
  return (
    <li class="card break" data-break={due.agent}>
      <div class="agent-head">
        <h3>
          <Open type="agent" id={due.agent} />
        </h3>
        <span class="break-suggested">{t("breaks.suggested", { duration: roughly(due.suggested_min * 60) })}</span>
      </div>
      <p class="agent-state">
        {stateName(due.state)}
        {due.since_break_s !== null && <> · {t("agents.since_break", { duration: roughly(due.since_break_s) })}</>}
      </p>
      {due.break_min !== null && <p class="agent-break">{untilBelow(due.break_min)}</p>}
      <ul class="break-costs" aria-label={t("breaks.cost.label")}>
        {queues.map((queue) => (
          <Cost key={queue.id} queue={queue} />
        ))}
        {rest > 0 && <li class="break-cost">{t("breaks.cost.rest", { count: rest })}</li>}
      </ul>
    </li>
  );
}

/** Minutes of break until the strain is below the line. */
export function untilBelow(minutes: number): string {
  return t("breaks.until", { duration: roughly(minutes * 60) });
}

function Cost({ queue }: { queue: BreakCost }) {
  const felt = queue.cost_s !== null && queue.cost_s >= FELT_S;
  return (
    <li class="break-cost">
      <span class="break-queue">
        <Name text={queue.id} />
        {felt && <strong>{t("breaks.cost.more", { cost: durationOrUnknown(queue.cost_s) })}</strong>}
      </span>
      <span>{waits(queue, felt)}</span>
    </li>
  );
}

function waits(queue: BreakCost, felt: boolean): string {
  if (queue.cost_s === null) return t("breaks.cost.unknown");
  const now = durationOrUnknown(queue.predicted_wait_s);
  return felt ? t("breaks.cost", { now, then: durationOrUnknown(queue.with_one_less_s) }) : t("breaks.cost.none", { now });
}
