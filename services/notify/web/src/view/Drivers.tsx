/** What a strain is made of: a bar whose parts add up to the strain, and the same in words. */
import { slotOf, wholeShares } from "../strain";
import { driverName, measure, whole } from "../text/format";
import { t } from "../text/text";

export interface Part {
  name: string;
  share: number;
  value: number | null;
  unit: string;
  /** A sentence from the server, in place of name and measure. */
  text?: string;
}

interface Row {
  part: Part;
  points: number;
}

/** The biggest parts by name, and the points of the rest: a lead acts on the big ones, and the sum stays whole. */
function inWords(rows: readonly Row[], max: number): { named: readonly Row[]; rest: number } {
  const worth = rows.filter((row) => row.points > 0);
  const named = worth.length === max + 1 ? worth : worth.slice(0, max);
  return { named, rest: worth.slice(named.length).reduce((sum, row) => sum + row.points, 0) };
}

export function Drivers({ parts, strain, max = 4 }: { parts: readonly Part[]; strain: number; max?: number }) {
  const points = wholeShares(parts.map((part) => part.share), strain);
  const rows = parts.map((part, i) => ({ part, points: points[i] ?? 0 })).sort((a, b) => b.part.share - a.part.share);
  const { named, rest } = inWords(rows, max);
  return (
    <div class="drivers">
      <Bar parts={rows.map(({ part }) => part)} />
      {named.length > 0 && (
        <ul class="driver-words" aria-label={t("drivers.label")}>
          {named.map(({ part, points }) => (
            <li key={part.name} class="driver">
              <span class={`swatch slot-${slotOf(part.name)}`} aria-hidden="true" />
              <span class={part.text ? "driver-text driver-sentence" : "driver-text"} dir="auto">
                {part.text ?? driverName(part.name)}
                {!part.text && part.value !== null && (
                  <>
                    {" "}
                    <span class="driver-value">{measure(part.value, part.unit, part.name)}</span>
                  </>
                )}
              </span>
              <span class="driver-points">+{whole(points)}</span>
            </li>
          ))}
          {rest > 0 && (
            <li class="driver">
              <span class="swatch" aria-hidden="true" />
              <span class="driver-value">{t("drivers.rest")}</span>
              <span class="driver-points">+{whole(rest)}</span>
            </li>
          )}
        </ul>
      )}
    </div>
  );
}

/** All that is shown of drivers, for who asks whether anything changed. */
export function driversLook(parts: readonly Part[]): string[] {
  // Half a point is a pixel or two of the bar; finer would move each second.
  return parts.map(({ name, share, value, unit }) => `${name} ${Math.round(share * 2)} ${measure(value, unit, name)}`);
}

/** Parts side by side; together they are as long as the strain is high. */
export function Bar({ parts }: { parts: readonly { name: string; share: number }[] }) {
  return (
    <span class="bar" aria-hidden="true">
      {parts.map(({ name, share }) => (
        // The width is set through the style object, which a policy against inline styles allows.
        <span
          key={name}
          class={`segment slot-${slotOf(name)}`}
          data-driver={name}
          style={{ width: `${Math.max(0, Math.min(100, share)).toFixed(1)}%` }}
        />
      ))}
    </span>
  );
}
