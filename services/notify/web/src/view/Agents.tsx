import type { AgentSignal } from "../contract";
import { blind, board } from "../store/store";
import { bandOf, byBandThenName, wantsSupport } from "../strain";
import { driverName, roughly, stateName, whole } from "../text/format";
import { t } from "../text/text";
import { untilBelow } from "./Breaks";
import { Drivers } from "./Drivers";
import { BandLevel } from "./Level";
import { Name } from "./Name";

/** Longer without a break is said in words. Product choice. */
const LONG_STRETCH_S = 2 * 3600;

export function Agents() {
  const seen = board.value;
  const agents = byBandThenName(seen?.frame.agents ?? []);
  const first = agents.filter(wantsSupport);
  const others = agents.filter((agent) => !wantsSupport(agent));
  return (
    <section class="section" aria-labelledby="agents">
      <h2 id="agents">{t("page.agents")}</h2>
      {agents.length === 0 ? (
        <p class="empty">{t("agents.none")}</p>
      ) : (
        <>
          <h3 class="group">{t("agents.support")}</h3>
          {first.length === 0 && (
            <p class="empty">{t(blind.value ? "agents.support.blind" : "agents.support.none")}</p>
          )}
          <ul class="agents-first">
            {first.map((agent) => (
              <InFront key={agent.id} agent={agent} />
            ))}
          </ul>
          {others.length > 0 && <h3 class="group">{t("agents.steady")}</h3>}
          <ul class="agents-calm">
            {others.map((agent) => (
              <Steady key={agent.id} agent={agent} />
            ))}
          </ul>
        </>
      )}
      <Off names={seen?.frame.drivers_off ?? []} />
    </section>
  );
}

function InFront({ agent }: { agent: AgentSignal }) {
  const band = bandOf(agent.strain);
  return (
    <li class={`card agent band-${band}`} data-agent={agent.id}>
      <div class="agent-head">
        <h4>
          <Name text={agent.id} />
        </h4>
        <BandLevel band={band} />
      </div>
      <p class="agent-state">
        {stateFor(agent)}
        {sinceBreak(agent) && <> · {sinceBreak(agent)}</>}
      </p>
      {breakNeeded(agent) && <p class="agent-break">{breakNeeded(agent)}</p>}
      <Drivers parts={agent.drivers} strain={agent.strain} max={3} />
      <p class="agent-strain">{t("queue.strain", { strain: whole(agent.strain) })}</p>
    </li>
  );
}

function Steady({ agent }: { agent: AgentSignal }) {
  return (
    <li class="agent-row" data-agent={agent.id}>
      <Name text={agent.id} />
      <span class="agent-state">
        {stateFor(agent)}
        {breakNeeded(agent) && <> · {breakNeeded(agent)}</>}
      </span>
      <BandLevel band={bandOf(agent.strain)} />
    </li>
  );
}

function stateFor(agent: AgentSignal): string {
  const state = stateName(agent.state);
  const since_s = agent.state_since_s ?? null;
  return agent.state === null || since_s === null ? state : t("agents.for", { state, duration: roughly(since_s) });
}

function sinceBreak(agent: AgentSignal): string | null {
  const since_s = agent.since_break_s ?? null;
  if (since_s === null || agent.state === "break") return null;
  return t(since_s >= LONG_STRETCH_S ? "agents.long_stretch" : "agents.since_break", { duration: roughly(since_s) });
}

function breakNeeded(agent: AgentSignal): string | null {
  return agent.break_min == null || agent.state === "offline" ? null : untilBelow(agent.break_min);
}

function Off({ names }: { names: readonly string[] }) {
  if (names.length === 0) return null;
  const words = names.map((name) => driverName(name.replace(/^(agent|queue)\./, ""))).join(", ");
  return <p class="empty">{t("drivers.off", { names: words })}</p>;
}
