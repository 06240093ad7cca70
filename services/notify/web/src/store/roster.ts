/** In which order rows stand: calm, and the same from second to second. Pure. */
import { bandOf, settledBand, type Band } from "../strain";

export interface Ranked {
  id: string;
  team: string | null;
  strain: number;
}

export type Bands = ReadonlyMap<string, Band>;

/** The band of each row; one that was higher a second ago is kept until the strain is clearly below it. What comes back
 * is `before` itself while nobody came, went or changed. */
export function bandsOf(rows: readonly Ranked[], before: Bands): Bands {
  // Thousands each second, and few of them change.
  let next: Map<string, Band> | null = rows.length === before.size ? null : new Map();
  for (let i = 0; i < rows.length; i++) {
    const { id, strain } = rows[i] as Ranked;
    const was = before.get(id);
    const band = was === undefined ? bandOf(strain) : settledBand(strain, was);
    if (next === null && band !== was) {
      next = new Map();
      for (const { id: same } of rows.slice(0, i)) next.set(same, before.get(same) as Band);
    }
    next?.set(id, band);
  }
  return next ?? before;
}

let collator: Intl.Collator | null = null;

/** As people sort names with numbers in them. Made when it is first needed: it costs as much as a board. */
function byWords(a: string, b: string): number {
  collator ??= new Intl.Collator(undefined, { numeric: true });
  return collator.compare(a, b);
}

/** Rows by name. Names are compared once, not each second: the server sends them in one order as long as it can. */
export function byName(): <T extends Ranked>(rows: readonly T[]) => T[] {
  let ids: string[] = [];
  let order: number[] = [];
  return (rows) => {
    if (rows.length !== ids.length || rows.some((row, i) => row.id !== ids[i])) {
      ids = rows.map((row) => row.id);
      order = ids.map((_, i) => i).sort((a, b) => byWords(ids[a] ?? "", ids[b] ?? "") || a - b);
    }
    return order.map((i) => rows[i] as (typeof rows)[number]);
  };
}

const HEIGHTS: readonly Band[] = ["critical", "strained", "rising", "calm"];

/** The higher band first; within a band as they came. People and queues are never ordered by their number. */
export function byBand<T extends Ranked>(rows: readonly T[], bands: Bands): T[] {
  const shelves = new Map<Band, T[]>(HEIGHTS.map((band) => [band, []]));
  for (const row of rows) shelves.get(bands.get(row.id) ?? "calm")?.push(row);
  return [...shelves.values()].flat();
}

export interface Group<T> {
  team: string | null;
  rows: T[];
}

/** Rows of each team, teams by name, those without one last; rows keep their order. */
export function byTeam<T extends Ranked>(rows: readonly T[]): Group<T>[] {
  const groups = new Map<string | null, T[]>();
  for (const row of rows) {
    const group = groups.get(row.team);
    if (group) group.push(row);
    else groups.set(row.team, [row]);
  }
  const last = (team: string | null) => (team === null ? 1 : 0);
  return [...groups]
    .map(([team, of]) => ({ team, rows: of }))
    .sort((a, b) => last(a.team) - last(b.team) || (a.team ?? "").localeCompare(b.team ?? ""));
}

/** Words of a search, ready to be looked for. */
export function wordsOf(text: string): string[] {
  return plain(text).split(/\s+/).filter(Boolean);
}

/** Shorter words of plain letters and digits count only where a word begins: "2" means team 2, not agent-0209. */
const ANYWHERE_FROM = 3;
const SHORT = new RegExp(`^[a-z0-9]{1,${ANYWHERE_FROM - 1}}$`);

/** Whether each word is somewhere in the texts. */
export function matches(words: readonly string[], texts: readonly (string | null | undefined)[]): boolean {
  if (words.length === 0) return true;
  const whole = plain(texts.filter(Boolean).join("\n"));
  return words.every((word) => (SHORT.test(word) ? begins(whole, word) : whole.includes(word)));
}

function begins(whole: string, word: string): boolean {
  for (let at = whole.indexOf(word); at >= 0; at = whole.indexOf(word, at + 1)) {
    if (at === 0 || !/[\p{L}\p{N}]/u.test(whole.charAt(at - 1))) return true;
  }
  return false;
}

const plain = (text: string) => text.normalize("NFKC").toLocaleLowerCase();
