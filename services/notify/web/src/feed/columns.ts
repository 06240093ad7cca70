/**
 * The agents of a board as columns, so that a worker can read a board of megabytes and hand it over without copying,
 * and as rows again, of which only those that are looked at have their drivers made. Pure.
 */
import type { AgentSignal, DriverShare } from "../contract";

export interface AgentColumns {
  /** One array as long as the same agents come in the same order. */
  ids: readonly string[];
  /** Tables that the codes below point into. */
  teams: (string | null)[];
  states: (string | null)[];
  drivers: { name: string; unit: string }[];
  team: Uint32Array;
  state: Uint32Array;
  /** NaN for null in these. */
  strain: Float64Array;
  stateSince_s: Float64Array;
  sinceBreak_s: Float64Array;
  break_min: Float64Array;
  /** Where the drivers of each row begin, and after the last one where they end. */
  start: Uint32Array;
  driver: Uint32Array;
  share: Float64Array;
  value: Float64Array;
}

/** Places of values in a table that grows. */
function table<K, V>(made: (key: K) => V): { values: V[]; at: (key: K) => number } {
  const places = new Map<K, number>();
  const values: V[] = [];
  return {
    values,
    at(key) {
      let place = places.get(key);
      if (place === undefined) {
        place = values.push(made(key)) - 1;
        places.set(key, place);
      }
      return place;
    },
  };
}

export function columnsOf(agents: readonly AgentSignal[], before: readonly string[] = []): AgentColumns {
  const n = agents.length;
  const parts = agents.reduce((sum, agent) => sum + agent.drivers.length, 0);
  const teams = table((team: string | null) => team);
  const states = table((state: string | null) => state);
  const named = table((key: string) => {
    const [name = "", unit = ""] = key.split("\n");
    return { name, unit };
  });
  const columns: AgentColumns = {
    ids: n === before.length && agents.every((agent, i) => agent.id === before[i]) ? before : agents.map((agent) => agent.id),
    teams: teams.values,
    states: states.values,
    drivers: named.values,
    team: new Uint32Array(n),
    state: new Uint32Array(n),
    strain: new Float64Array(n),
    stateSince_s: new Float64Array(n),
    sinceBreak_s: new Float64Array(n),
    break_min: new Float64Array(n),
    start: new Uint32Array(n + 1),
    driver: new Uint32Array(parts),
    share: new Float64Array(parts),
    value: new Float64Array(parts),
  };
  let end = 0;
  agents.forEach((agent, i) => {
    columns.team[i] = teams.at(agent.team);
    columns.state[i] = states.at(agent.state);
    columns.strain[i] = agent.strain;
    columns.stateSince_s[i] = agent.state_since_s ?? Number.NaN;
    columns.sinceBreak_s[i] = agent.since_break_s ?? Number.NaN;
    columns.break_min[i] = agent.break_min ?? Number.NaN;
    for (const driver of agent.drivers) {
      columns.driver[end] = named.at(`${driver.name}\n${driver.unit}`);
      columns.share[end] = driver.share;
      columns.value[end] = driver.value ?? Number.NaN;
      end += 1;
    }
    columns.start[i + 1] = end;
  });
  return columns;
}

/** What may be handed over instead of copied. */
export function buffersOf(columns: AgentColumns): ArrayBuffer[] {
  return Object.values(columns)
    .filter((column) => ArrayBuffer.isView(column))
    .map((column) => column.buffer as ArrayBuffer);
}

const orNull = (value: number | undefined) => (value === undefined || Number.isNaN(value) ? null : value);

/** Thousands are made each second, and most of them are asked for their name and strain alone. */
class Row implements AgentSignal {
  readonly id: string;
  readonly strain: number;
  readonly #of: AgentColumns;
  readonly #at: number;

  constructor(of: AgentColumns, at: number) {
    this.#of = of;
    this.#at = at;
    this.id = of.ids[at] as string;
    this.strain = of.strain[at] ?? 0;
  }

  get team(): string | null {
    return this.#of.teams[this.#of.team[this.#at] ?? 0] ?? null;
  }

  get state(): string | null {
    return this.#of.states[this.#of.state[this.#at] ?? 0] ?? null;
  }

  get state_since_s(): number | null {
    return orNull(this.#of.stateSince_s[this.#at]);
  }

  get since_break_s(): number | null {
    return orNull(this.#of.sinceBreak_s[this.#at]);
  }

  get break_min(): number | null {
    return orNull(this.#of.break_min[this.#at]);
  }

  get drivers(): DriverShare[] {
    const of = this.#of;
    const made: DriverShare[] = [];
    for (let i = of.start[this.#at] ?? 0; i < (of.start[this.#at + 1] ?? 0); i++) {
      const { name, unit } = of.drivers[of.driver[i] ?? 0] ?? { name: "", unit: "" };
      made.push({ name, share: of.share[i] ?? 0, value: orNull(of.value[i]), unit });
    }
    return made;
  }
}

export function rowsOf(columns: AgentColumns): AgentSignal[] {
  return columns.ids.map((_, i) => new Row(columns, i));
}
