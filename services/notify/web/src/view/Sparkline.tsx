/** Strain of the last minutes as a small line, always on the scale 0..100, so that lines compare. */
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import type { Line } from "../store/board";
import { roughly, whole } from "../text/format";
import { t } from "../text/text";

const HEIGHT_PX = 52;
/** A line that has just begun is not stretched further than this. */
const SPAN_MIN_S = 120;

const colour = (name: string) => () => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function options(width: number): uPlot.Options {
  return {
    width,
    height: HEIGHT_PX,
    padding: [3, 2, 3, 2],
    cursor: { show: false },
    legend: { show: false },
    select: { show: false, left: 0, top: 0, width: 0, height: 0 },
    axes: [{ show: false }, { show: false }],
    scales: {
      x: { time: false, range: (_plot, min, max) => [Math.min(min, max - SPAN_MIN_S), max] },
      y: { range: [0, 100] },
    },
    series: [
      {},
      { stroke: colour("--line-ink"), fill: colour("--line-fill"), width: 1.75, points: { show: false }, spanGaps: false },
    ],
  };
}

export function Sparkline({ line }: { line: Line }) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);

  useEffect(() => {
    const at = box.current;
    if (!at) return;
    const made = new uPlot(options(at.clientWidth || 160), [[], []], at);
    plot.current = made;
    const resized = new ResizeObserver(() => at.clientWidth && made.setSize({ width: at.clientWidth, height: HEIGHT_PX }));
    resized.observe(at);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const redraw = () => made.redraw();
    dark.addEventListener("change", redraw);
    return () => {
      resized.disconnect();
      dark.removeEventListener("change", redraw);
      made.destroy();
    };
  }, []);

  useEffect(() => plot.current?.setData([line.times_s, line.strains]), [line]);

  const known = line.strains.filter((strain) => strain !== null);
  const label = t("queue.line", {
    duration: roughly((line.times_s.at(-1) ?? 0) - (line.times_s[0] ?? 0)),
    first: whole(known[0] ?? 0),
    last: whole(known.at(-1) ?? 0),
  });
  return <div class="sparkline" ref={box} role="img" aria-label={label} />;
}
