/** Strain in words: bands, the order of a calm list, and whole numbers that still add up. Pure. */

export type Band = "calm" | "rising" | "strained" | "critical";

/** Lower edge of each band, from the top. Product choice; alerts have lines of their own, with hold times. */
const BANDS: readonly [Band, number][] = [
  ["critical", 80],
  ["strained", 60],
  ["rising", 40],
  ["calm", 0],
];

export function bandOf(strain: number): Band {
  return BANDS.find(([, from]) => strain >= from)?.[0] ?? "calm";
}

const heightOf = (strain: number) => BANDS.findIndex(([band]) => band === bandOf(strain));

/** The higher band first, then by name: people and queues are never ordered by their number. */
export function byBandThenName<T extends { id: string; strain: number }>(rows: readonly T[]): T[] {
  return [...rows].sort((a, b) => heightOf(a.strain) - heightOf(b.strain) || a.id.localeCompare(b.id));
}

/** Bands that put an agent in front: someone should offer a hand now. */
export function wantsSupport(agent: { strain: number; state: string | null }): boolean {
  return agent.strain >= 60 && agent.state !== "offline";
}

/** Whole points for each share so that they add up to the rounded strain (largest remainders get the rest). */
export function wholeShares(shares: readonly number[], strain: number): number[] {
  const whole = shares.map((share) => Math.floor(share));
  let rest = Math.round(strain) - whole.reduce((sum, points) => sum + points, 0);
  const order = shares.map((share, i) => [share - Math.floor(share), i] as const).sort((a, b) => b[0] - a[0]);
  for (const [, i] of order) {
    if (rest <= 0) break;
    whole[i] = (whole[i] ?? 0) + 1;
    rest -= 1;
  }
  return whole;
}

/** Colour slot of each driver, the same everywhere on the page. Unknown drivers share the last one. */
const SLOTS: Readonly<Record<string, number>> = {
  predicted_wait: 1, offered_load: 2, recent_waits: 3, service_level: 4, abandonment: 5,
  repeat_share: 6, staffing: 7, arrivals_surge: 8,
  occupancy: 1, handle_time: 2, repeat_callers: 3, excess_wait: 4, complaints: 5, queue_pressure: 6, since_break: 7,
};

export function slotOf(driver: string): number {
  return Object.hasOwn(SLOTS, driver) ? (SLOTS[driver] ?? 8) : 8;
}
