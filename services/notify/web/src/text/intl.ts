/** Formatters of the browser, each made once: making one costs as much as hundreds of uses, and a board has hundreds. */

const numbers = new Map<string, Intl.NumberFormat>();
const times = new Map<string, Intl.DateTimeFormat>();

export function numberFormat(language: string, digits: number): Intl.NumberFormat {
  const key = `${language} ${digits}`;
  let known = numbers.get(key);
  if (!known) numbers.set(key, (known = new Intl.NumberFormat(language, { maximumFractionDigits: digits })));
  return known;
}

/** `shape` names what is in `options`, but for the zone; without one it is the browser's. */
export function timeFormat(language: string, zone: string | undefined, shape: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${language} ${zone} ${shape}`;
  let known = times.get(key);
  if (!known) times.set(key, (known = new Intl.DateTimeFormat(language, { ...options, timeZone: zone })));
  return known;
}
