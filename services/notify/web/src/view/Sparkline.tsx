/** Strain of the last minutes as a small line, always on the scale 0..100, so that lines compare. */
import { useEffect } from "preact/hooks";
import { withPast, type Line } from "../store/board";
import { pasts, wantPast } from "../store/past";
import { roughly, whole } from "../text/format";
import { t } from "../text/text";

/** A line that has just begun is not stretched further than this. */
const SPAN_MIN_S = 120;
/** Units of the drawing; it is stretched to its place. */
const WIDTH = 300;
const HEIGHT = 100;

/** Paths of the line and of what is below it; a gap where the page was blind. */
export function pathsOf(line: Line): { stroke: string; fill: string } {
  const end_s = line.times_s.at(-1) ?? 0;
  const span_s = Math.max(SPAN_MIN_S, end_s - (line.times_s[0] ?? 0));
  let stroke = "";
  let fill = "";
  let from: string | null = null;
  let last = "";
  line.times_s.forEach((time_s, i) => {
    const strain = line.strains[i] ?? null;
    if (strain === null) {
      if (from !== null) fill += `L${last} ${HEIGHT}L${from} ${HEIGHT}Z`;
      from = null;
      return;
    }
    const x = (WIDTH * (1 - (end_s - time_s) / span_s)).toFixed(1);
    const point = `${x} ${(HEIGHT - Math.max(0, Math.min(100, strain))).toFixed(1)}`;
    stroke += `${from === null ? "M" : "L"}${point}`;
    fill += `${from === null ? "M" : "L"}${point}`;
    from ??= x;
    last = x;
  });
  if (from !== null) fill += `L${last} ${HEIGHT}L${from} ${HEIGHT}Z`;
  return { stroke, fill };
}

export function Sparkline({ queue, line: seen }: { queue: string; line: Line }) {
  useEffect(() => wantPast(queue), [queue]);
  const line = withPast(seen, pasts.value.get(queue));
  const known = line.strains.filter((strain) => strain !== null);
  const label = t("queue.line", {
    duration: roughly((line.times_s.at(-1) ?? 0) - (line.times_s[0] ?? 0)),
    first: whole(known[0] ?? 0),
    last: whole(known.at(-1) ?? 0),
  });
  const { stroke, fill } = pathsOf(line);
  return (
    <svg
      class="sparkline"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <path class="sparkline-fill" d={fill} />
      <path class="sparkline-line" d={stroke} />
    </svg>
  );
}
