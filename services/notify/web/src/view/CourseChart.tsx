/** The day as lines: strain with what it is made of and the alerts of the day; for a queue also who waits, how long. */
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { CourseAlert } from "../contract";
import type { Span } from "../store/day";
import { EDGES, slotOf } from "../strain";
import { timeOfDay, zone } from "../text/format";
import { t } from "../text/text";

const STRAIN_PX = 220;
const WAITS_PX = 150;
/** Room beside both charts, so that their times stand below each other. */
const AXIS_PX = 40;
/** And where there is no axis on the right, for half a time such as 10:30 PM. */
const LABEL_PX = 26;
const FONT = "12px system-ui, sans-serif";

const token = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const colour = (name: string) => () => token(name);
const slotColour = (name: string | null) => token(name === null ? "--slot-8" : `--slot-${slotOf(name)}`);

interface Props {
  span: Span;
  alerts: readonly CourseAlert[];
  /** The place under the cursor, null when it leaves. */
  onPoint: (place: number | null) => void;
}

export default function CourseChart({ span, alerts, onPoint }: Props) {
  const names = span.parts.map((part) => part.name ?? "");
  return (
    <div class="charts" aria-hidden="true">
      <Plot
        key={`strain ${names.join()}`}
        class="chart-strain"
        data={strainData(span)}
        options={(sync) => strainOptions(span, sync, alerts)}
        marks={alerts}
        onPoint={onPoint}
      />
      {span.waiting && (
        <Plot
          key="waits"
          class="chart-waits"
          data={waitsData(span)}
          options={(sync) => waitsOptions(sync)}
          marks={alerts}
          onPoint={onPoint}
        />
      )}
    </div>
  );
}

type Make = (sync: string) => Omit<uPlot.Options, "width">;

function Plot(props: { class: string; data: uPlot.AlignedData; options: Make; marks: unknown; onPoint: Props["onPoint"] }) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const told = useRef(props.onPoint);
  told.current = props.onPoint;

  useEffect(() => {
    const at = box.current;
    if (!at) return;
    const options = props.options("course");
    const made = new uPlot(
      {
        ...options,
        width: at.clientWidth || 320,
        hooks: {
          ...options.hooks,
          setCursor: [(self) => told.current(self.cursor.left != null && self.cursor.left >= 0 ? (self.cursor.idx ?? null) : null)],
        },
      },
      props.data,
      at,
    );
    plot.current = made;
    const resized = new ResizeObserver(() => at.clientWidth && made.setSize({ width: at.clientWidth, height: options.height }));
    resized.observe(at);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const redraw = () => made.redraw();
    dark.addEventListener("change", redraw);
    return () => {
      resized.disconnect();
      dark.removeEventListener("change", redraw);
      made.destroy();
    };
  }, [props.marks]);

  useEffect(() => plot.current?.setData(props.data), [props.data]);
  return <div class={props.class} ref={box} />;
}

/** Sums of the parts from below, so that each band lies on the one before; the strain itself on top. */
function strainData(span: Span): uPlot.AlignedData {
  const sums: (number | null)[][] = [];
  for (const { points } of span.parts) {
    const below = sums.at(-1);
    sums.push(points.map((share, i) => (share === null ? null : share + (below?.[i] ?? 0))));
  }
  return [span.times_s, ...sums, span.strain] as uPlot.AlignedData;
}

function waitsData(span: Span): uPlot.AlignedData {
  const minutes = (values: (number | null)[] | null) => (values ?? []).map((s) => (s === null ? null : s / 60));
  return [span.times_s, span.waiting ?? [], minutes(span.longest_s), minutes(span.predicted_s)] as uPlot.AlignedData;
}

function common(sync: string, height: number, right_px: number): Omit<uPlot.Options, "width" | "series"> {
  return {
    height,
    padding: [14, right_px, 0, 0],
    legend: { show: false },
    tzDate: (at_s) => (zone.value ? uPlot.tzDate(new Date(at_s * 1000), zone.value) : new Date(at_s * 1000)),
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 }, sync: { key: sync } },
  };
}

/** A day that has just begun is not stretched further than this. */
const SPAN_MIN_S = 1800;
const timeScale: uPlot.Scale = { range: (_plot, min, max) => [Math.min(min, max - SPAN_MIN_S), max] };

const xAxis = (): uPlot.Axis => ({
  incrs: [300, 600, 900, 1800, 3600, 7200, 10_800, 14_400],
  size: 30,
  gap: 4,
  stroke: colour("--ink-soft"),
  font: FONT,
  grid: { show: false },
  ticks: { stroke: colour("--edge"), size: 4 },
  space: 64,
  values: (_plot, splits) => splits.map((at_s) => timeOfDay(at_s * 1000).replace(/^0(\d:\d\d [AP]M)$/, "$1")),
});

const yAxis = (more: Partial<uPlot.Axis>): uPlot.Axis => ({
  stroke: colour("--ink-soft"),
  font: FONT,
  size: AXIS_PX,
  gap: 6,
  grid: { stroke: colour("--edge"), width: 1 },
  ticks: { show: false },
  ...more,
});

function strainOptions(span: Span, sync: string, alerts: readonly CourseAlert[]): Omit<uPlot.Options, "width"> {
  const parts = span.parts.map((part) => part.name);
  const fill = (name: string | null) => () => `${slotColour(name)}8c`;
  return {
    ...common(sync, STRAIN_PX, span.waiting ? AXIS_PX : LABEL_PX),
    scales: { x: timeScale, y: { range: [0, 100] } },
    axes: [xAxis(), yAxis({ values: (_plot, splits) => splits.map(String), splits: [0, 20, 40, 60, 80, 100] })],
    series: [
      {},
      ...parts.map((name, i): uPlot.Series => ({
        stroke: "transparent",
        width: 0,
        points: { show: false },
        ...(i === 0 ? { fill: fill(name) } : {}),
      })),
      { stroke: colour("--ink"), width: 2, points: { show: false } },
    ],
    bands: parts.slice(1).map((name, i): uPlot.Band => ({ series: [i + 2, i + 1], fill: fill(name) })),
    hooks: { drawClear: [(self) => drawAlerts(self, alerts)], draw: [drawEdges] },
  };
}

/** From 0 to a round number above the highest. */
const upTo =
  (least: number): uPlot.Scale.Range =>
  (_plot, _min, max) => uPlot.rangeNum(0, Math.max(least, max || 0), { min: { pad: 0, soft: 0, mode: 1 }, max: { pad: 0.1, mode: 0 } });

function waitsOptions(sync: string): Omit<uPlot.Options, "width"> {
  const line = (name: string, dash: number[] = []): uPlot.Series => ({
    scale: "minutes", stroke: colour(name), width: 1.75, points: { show: false }, dash,
  });
  return {
    ...common(sync, WAITS_PX, 0),
    scales: { x: timeScale, y: { range: upTo(4) }, minutes: { range: upTo(2) } },
    axes: [
      xAxis(),
      yAxis({ values: (_plot, splits) => splits.map((n) => (Number.isInteger(n) ? String(n) : "")) }),
      yAxis({ scale: "minutes", side: 1, grid: { show: false }, values: (_plot, splits) => splits.map(String) }),
    ],
    series: [
      {},
      { stroke: colour("--line-ink"), fill: colour("--line-fill"), width: 1.5, points: { show: false }, paths: uPlot.paths.stepped?.({ align: 1 }) },
      line("--strained"),
      line("--slot-2", [5, 4]),
    ],
  };
}

/** From when to when each alert was open, in the ground of the chart, with a sign where it opened. */
function drawAlerts(plot: uPlot, alerts: readonly CourseAlert[]): void {
  const { ctx, bbox } = plot;
  const unit = devicePixelRatio;
  ctx.save();
  for (const alert of alerts) {
    const from_s = Date.parse(alert.opened_at) / 1000;
    const to_s = alert.ended_at ? Date.parse(alert.ended_at) / 1000 : (plot.scales.x?.max ?? from_s);
    const left = Math.max(bbox.left, plot.valToPos(from_s, "x", true));
    const right = Math.min(bbox.left + bbox.width, plot.valToPos(to_s, "x", true));
    if (right < bbox.left || left > bbox.left + bbox.width) continue;
    const ink = token(alert.severity === "critical" ? "--critical" : alert.severity === "warning" ? "--strained" : "--calm");
    ctx.fillStyle = `${ink}1f`;
    ctx.fillRect(left, bbox.top, Math.max(unit, right - left), bbox.height);
    ctx.fillStyle = ink;
    ctx.beginPath();
    ctx.moveTo(left - 5 * unit, bbox.top - 11 * unit);
    ctx.lineTo(left + 5 * unit, bbox.top - 11 * unit);
    ctx.lineTo(left, bbox.top - 3 * unit);
    ctx.fill();
    ctx.fillRect(left - unit / 2, bbox.top - 3 * unit, unit, bbox.height + 3 * unit);
  }
  ctx.restore();
}

/** The lines where strain begins to rise, to strain, to be critical, each with its word. */
function drawEdges(plot: uPlot): void {
  const { ctx, bbox } = plot;
  const unit = devicePixelRatio;
  ctx.save();
  ctx.font = `${11 * unit}px system-ui, sans-serif`;
  ctx.textAlign = "right";
  ctx.textBaseline = "bottom";
  ctx.lineWidth = unit;
  ctx.setLineDash([4 * unit, 4 * unit]);
  for (const { band, from } of EDGES) {
    const y = Math.round(plot.valToPos(from, "y", true)) + 0.5;
    ctx.strokeStyle = ctx.fillStyle = token(`--${band}`);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    const [text, x] = [t(`band.${band}`), bbox.left + bbox.width - 4 * unit];
    ctx.save();
    ctx.setLineDash([]);
    ctx.lineWidth = 4 * unit;
    ctx.lineJoin = "round";
    ctx.strokeStyle = token("--ground");
    ctx.strokeText(text, x, y - 2 * unit);
    ctx.restore();
    ctx.fillText(text, x, y - 2 * unit);
  }
  ctx.restore();
}
