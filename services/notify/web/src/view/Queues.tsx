import type { QueueSignal } from "../contract";
import type { Line } from "../store/board";
import { blind, board } from "../store/store";
import { bandOf, byBandThenName } from "../strain";
import { durationOrUnknown, whole } from "../text/format";
import { t } from "../text/text";
import { Drivers } from "./Drivers";
import { FirstEvent } from "./FirstEvent";
import { BandLevel } from "./Level";
import { Name } from "./Name";
import { Sparkline } from "./Sparkline";

const NO_LINE: Line = { times_s: [], strains: [] };

export function Queues() {
  const seen = board.value;
  const queues = byBandThenName(seen?.frame.queues ?? []);
  return (
    <section class="section" aria-labelledby="queues">
      <h2 id="queues">{t("page.queues")}</h2>
      {queues.length === 0 && (seen && !blind.value ? <FirstEvent /> : <p class="empty">{t("queue.none.blind")}</p>)}
      <ul class="queues">
        {queues.map((queue) => (
          <Queue key={queue.id} queue={queue} line={seen?.lines.get(queue.id) ?? NO_LINE} />
        ))}
      </ul>
    </section>
  );
}

function Queue({ queue, line }: { queue: QueueSignal; line: Line }) {
  const band = bandOf(queue.strain);
  return (
    <li class={`card queue band-${band}`} data-queue={queue.id}>
      <div class="queue-head">
        <h3>
          <Name text={queue.id} />
        </h3>
        <BandLevel band={band} />
      </div>
      <div class="queue-now">
        <strong class="strain" aria-label={t("queue.strain", { strain: whole(queue.strain) })}>
          {whole(queue.strain)}
        </strong>
        <Sparkline line={line} />
      </div>
      <Drivers parts={queue.drivers} strain={queue.strain} />
      <dl class="facts">
        <Fact name={t("queue.waiting")} value={whole(queue.waiting)} />
        <Fact name={t("queue.longest")} value={queue.waiting === 0 ? "–" : durationOrUnknown(queue.longest_wait_s)} />
        <Fact name={t("queue.predicted")} value={durationOrUnknown(queue.predicted_wait_s)} />
        <Fact name={t("queue.agents")} value={queue.agents == null ? t("value.unknown") : whole(queue.agents)} />
      </dl>
    </li>
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
