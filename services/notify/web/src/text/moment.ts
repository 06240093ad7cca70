/** Moments that may lie days back. */
import { timeOfDay, zone } from "./format";
import { timeFormat } from "./intl";
import { language } from "./text";

const dayOf = (at: Date) => timeFormat("en", zone.value, "day", { dateStyle: "short" }).format(at);

/** The time of day, and the day as well when it is another than that of `now_ms`. */
export function moment(rfc3339: string, now_ms: number): string {
  const at = new Date(rfc3339);
  if (dayOf(at) === dayOf(new Date(now_ms))) return timeOfDay(rfc3339);
  const options = { weekday: "short", day: "numeric", month: "short", hour: "numeric", minute: "2-digit" } as const;
  return timeFormat(language.value, zone.value, "moment", options).format(at);
}
