/** Strain in words: bands, the order of a calm list, and whole numbers that still add up. Pure. */

export type Band = "calm" | "rising" | "strained" | "critical";

/** Lower edge of each band, from the top. Product choice; alerts have lines of their own, with hold times. */
const BANDS: readonly [Band, number][] = [
  ["critical", 80],
  ["strained", 60],
  ["rising", 40],
  ["calm", 0],
];

/** Asked for each row of each board, so without a function for each band. */
export function bandOf(strain: number): Band {
  for (const [band, from] of BANDS) if (strain >= from) return band;
  return "calm";
}

/** So far below its edge a strain must be before the band is left: one that wavers does not make rows jump. */
const BAND_SLACK = 5;

export function settledBand(strain: number, was: Band): Band {
  const edge = EDGE_OF[was];
  return strain <= edge && strain > edge - BAND_SLACK ? was : bandOf(strain);
}

const EDGE_OF = Object.fromEntries(BANDS) as Record<Band, number>;

/** Lower edges, for lines in a chart: where rising, strained and critical begin. */
export const EDGES: readonly { band: Band; from: number }[] = BANDS.filter(([, from]) => from > 0).map(([band, from]) => ({
  band,
  from,
}));

/** Who stands in front: someone should offer a hand now. */
export function wantsSupport(band: Band, state: string | null): boolean {
  return (band === "strained" || band === "critical") && state !== "offline";
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
