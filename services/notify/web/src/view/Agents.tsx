import { useMemo } from "preact/hooks";
import type { AgentSignal } from "../contract";
import { finding, foundAgents, severalTeams } from "../store/find";
import { byBand, byTeam } from "../store/roster";
import { blind, board } from "../store/store";
import { wantsSupport, type Band } from "../strain";
import { driverName, roughly, stateName, whole } from "../text/format";
import { language, t } from "../text/text";
import { untilBelow } from "./Breaks";
import { Bar, Drivers, driversLook } from "./Drivers";
import { BandLevel } from "./Level";
import { Name } from "./Name";
import { Open } from "./Open";
import { Told } from "./Queues";
import { RowGrid, type Item } from "./RowGrid";
import { useStill } from "./still";

/** Longer without a break is said in words. Product choice. */
const LONG_STRETCH_S = 2 * 3600;
/** As many as a lead can speak with before looking again; the others stand first in the list. Product choice. */
const CARDS_MAX = 6;
/** Drivers named in a row: the bar shows them all, and the card or the day says the rest. */
const NAMED = 2;
const NO_BANDS: ReadonlyMap<string, Band> = new Map();

export function Agents() {
  const seen = board.value;
  const bands = seen?.agentBands ?? NO_BANDS;
  const agents = byBand(foundAgents.value, bands);
  const { first, next, others } = shelved(agents, bands);
  const wanting = first.length + next.length;
  return (
    <section class="section" aria-labelledby="agents">
      <h2 id="agents">
        {t("page.agents")} {agents.length > 0 && <span class="count">{agents.length}</span>}
      </h2>
      {agents.length === 0 ? (
        <p class="empty">{t(finding.value ? "agents.none.found" : "agents.none")}</p>
      ) : (
        <>
          {(first.length > 0 || !finding.value) && (
            <h3 class="group">
              {t("agents.support")} {wanting > 0 && <span class="count">{wanting}</span>}
            </h3>
          )}
          {first.length === 0 && !finding.value && (
            <p class="empty">{t(blind.value ? "agents.support.blind" : "agents.support.none")}</p>
          )}
          <ul class="agents-first">
            {first.map((agent) => (
              <InFront key={agent.id} agent={agent} band={bands.get(agent.id) ?? "calm"} />
            ))}
          </ul>
          {others.length > 0 && (
            <h3 class="group">
              {next.length > 0 ? t("agents.more", { count: next.length }) : t("agents.steady")}
            </h3>
          )}
          {others.length > 0 && <AgentRows agents={others} next={next} bands={bands} />}
        </>
      )}
      <Off names={seen?.frame.drivers_off ?? []} />
    </section>
  );
}

interface Shelves {
  /** In cards. */
  first: AgentSignal[];
  /** In the list, before the others. */
  next: AgentSignal[];
  /** All that are not in cards. */
  others: AgentSignal[];
}

/** Agents, higher bands first, by where they stand. */
function shelved(agents: readonly AgentSignal[], bands: ReadonlyMap<string, Band>): Shelves {
  const first: AgentSignal[] = [];
  const next: AgentSignal[] = [];
  const others: AgentSignal[] = [];
  let calmer = false;
  for (const agent of agents) {
    const band: Band = calmer ? "calm" : (bands.get(agent.id) ?? "calm");
    calmer = band === "rising" || band === "calm"; // and so are all that follow
    const wants = !calmer && wantsSupport(band, agent.state);
    if (wants && first.length < CARDS_MAX) {
      first.push(agent);
      continue;
    }
    others.push(agent);
    if (wants) next.push(agent);
  }
  return { first, next, others };
}

/** What is shown of an agent, in a card or a row. */
function lookOf(agent: AgentSignal, band: Band | undefined): unknown[] {
  return [agent.id, band, whole(agent.strain), stateFor(agent), driversLook(agent.drivers)];
}

function InFront({ agent, band }: { agent: AgentSignal; band: Band }) {
  const look = [...lookOf(agent, band), severalTeams.value && agent.team, sinceBreak(agent), breakNeeded(agent)];
  return <>{useStill(JSON.stringify(look), () => <Card agent={agent} band={band} />)}</>;
}

function Card({ agent, band }: { agent: AgentSignal; band: Band }) {
  return (
    <li class={`card agent band-${band}`} data-agent={agent.id}>
      <div class="agent-head">
        <h4>
          <Open type="agent" id={agent.id} />
        </h4>
        <BandLevel band={band} />
      </div>
      <p class="agent-state">
        {severalTeams.value && agent.team !== null && (
          <>
            <Name text={agent.team} /> ·{" "}
          </>
        )}
        {stateFor(agent)}
        {sinceBreak(agent) && <> · {sinceBreak(agent)}</>}
      </p>
      {breakNeeded(agent) && <p class="agent-break">{breakNeeded(agent)}</p>}
      <Drivers parts={agent.drivers} strain={agent.strain} max={3} />
      <p class="agent-strain">{t("queue.strain", { strain: whole(agent.strain) })}</p>
    </li>
  );
}

interface RowsProps {
  agents: readonly AgentSignal[];
  /** Those of them who could use support: before the teams, so that nobody has to be looked for. */
  next: readonly AgentSignal[];
  bands: ReadonlyMap<string, Band>;
}

function AgentRows({ agents, next, bands }: RowsProps) {
  const grouped = severalTeams.value;
  const items = useMemo<Item<AgentSignal>[]>(() => {
    const rows = (of: readonly AgentSignal[]) => of.map<Item<AgentSignal>>((row) => ({ kind: "row", key: row.id, row }));
    if (!grouped) return rows(agents);
    const group = (key: string, title: string, of: readonly AgentSignal[]): Item<AgentSignal>[] =>
      of.length ? [{ kind: "group", key, title, about: whole(of.length) }, ...rows(of)] : [];
    const isNext = new Set(next);
    const teams = byTeam(agents.filter((agent) => !isNext.has(agent)));
    return [
      ...group("group next", t("agents.support"), next),
      ...teams.flatMap(({ team, rows: of }) => group(`group of ${team}`, team ?? t("agents.teamless"), of)),
    ];
  }, [agents, grouped, language.value]);
  const heads = [
    { name: "name", title: t("rows.agent") },
    { name: "level", title: t("rows.strain") },
    { name: "drivers", title: t("drivers.label") },
    { name: "state", title: t("rows.state") },
    { name: "work", title: t("rows.work") },
    { name: "until", title: t("rows.until") },
  ];
  return (
    <RowGrid
      class="agent-rows"
      label={t("page.agents")}
      heads={heads}
      items={items}
      marks={(agent) => ({ "data-agent": agent.id })}
      look={(agent) => JSON.stringify([...lookOf(agent, bands.get(agent.id)), workFor(agent), untilFor(agent)])}
      cells={(agent, tabIndex) => [
        <Open type="agent" id={agent.id} tabIndex={tabIndex} />,
        <>
          <BandLevel band={bands.get(agent.id) ?? "calm"} />
          <span class="row-strain">{whole(agent.strain)}</span>
        </>,
        <RowDrivers agent={agent} />,
        stateFor(agent),
        <Told label={t("rows.work")} value={workFor(agent)} />,
        <Told label={t("rows.until")} value={untilFor(agent)} />,
      ]}
    />
  );
}

/** The bar, and the largest drivers by name. */
function RowDrivers({ agent }: { agent: AgentSignal }) {
  const named = agent.drivers.filter((driver) => driver.share >= 0.5).slice(0, NAMED);
  const words = named.map((driver) => driverName(driver.name)).join(t("rows.and"));
  return (
    <>
      <Bar parts={agent.drivers} />
      <span class="row-drivers" title={words}>
        {words}
      </span>
    </>
  );
}

export function stateFor(agent: AgentSignal): string {
  const state = stateName(agent.state);
  const since_s = agent.state_since_s ?? null;
  return agent.state === null || since_s === null ? state : t("agents.for", { state, duration: roughly(since_s) });
}

/** On a break, or gone: there is no work since a break to tell of. */
const rests = (agent: AgentSignal) => agent.state === "break" || agent.state === "offline";

export function sinceBreak(agent: AgentSignal): string | null {
  const since_s = agent.since_break_s ?? null;
  if (since_s === null || rests(agent)) return null;
  return t(since_s >= LONG_STRETCH_S ? "agents.long_stretch" : "agents.since_break", { duration: roughly(since_s) });
}

export function breakNeeded(agent: AgentSignal): string | null {
  return agent.break_min == null || agent.state === "offline" ? null : untilBelow(agent.break_min);
}

const workFor = (agent: AgentSignal) =>
  agent.since_break_s == null || rests(agent) ? "–" : roughly(agent.since_break_s);
const untilFor = (agent: AgentSignal) =>
  agent.break_min == null || agent.state === "offline" ? "–" : roughly(agent.break_min * 60);

function Off({ names }: { names: readonly string[] }) {
  if (names.length === 0) return null;
  const words = names.map((name) => driverName(name.replace(/^(agent|queue)\./, ""))).join(t("rows.and"));
  return <p class="empty">{t("drivers.off", { names: words })}</p>;
}
