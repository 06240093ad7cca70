/**
 * A grid of any number of rows of which only those on the screen exist, in the page's own scroll. One row is in the tab
 * order; arrow keys, Page Up and Down, Home and End move along, and Enter follows its link.
 */
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { useStill } from "./still";

export type Item<T> =
  | { kind: "group"; key: string; title: string; about: string }
  | { kind: "row"; key: string; row: T };

export interface Head {
  /** Names the column's class. */
  name: string;
  title: string;
}

interface Props<T> {
  class: string;
  label: string;
  heads: readonly Head[];
  items: readonly Item<T>[];
  /** The cells of a row, in the order of the heads. The first holds the row's only link, with this tab index. */
  cells: (row: T, tabIndex: number) => readonly ComponentChildren[];
  /** All that the cells of a row show: while it reads the same, they are left as they are. */
  look: (row: T) => string;
  /** What tests and styles know a row by. */
  marks: (row: T) => Record<string, string>;
}

/** Rows made beyond the edges of the screen, so that a turn of the wheel meets no empty ground. */
const MARGIN_ROWS = 8;
/** Rows made before the place of the list is known. */
const FIRST_ROWS = 8;
/** Up to so many rows all are made: they cost little, and the browser's own search finds them. */
const ALL_ROWS = 60;
const ROW_PX = 44;

export function RowGrid<T>({ class: name, label, heads, items, cells, look, marks }: Props<T>) {
  const body = useRef<HTMLDivElement>(null);
  const [range, setRange] = useState({ from: 0, to: FIRST_ROWS, rowPx: ROW_PX });
  const [active, setActive] = useState<string | null>(null);
  const focusNext = useRef(false);

  const measure = () => {
    const at = body.current;
    if (!at) return;
    const rowPx = Number.parseFloat(getComputedStyle(at).getPropertyValue("--row-px")) || ROW_PX;
    const above = -at.getBoundingClientRect().top;
    const step = (rows: number) => Math.floor(rows / MARGIN_ROWS) * MARGIN_ROWS;
    const from = Math.max(0, step(above / rowPx - MARGIN_ROWS));
    const to = Math.max(0, step((above + window.innerHeight) / rowPx + 2 * MARGIN_ROWS));
    setRange((now) => (now.from === from && now.to === to && now.rowPx === rowPx ? now : { from, to, rowPx }));
  };
  // Once before the frame is painted, with all of the page written: asked for in between, the browser would have to lay
  // it out each time.
  useEffect(() => {
    const frame = requestAnimationFrame(measure);
    return () => cancelAnimationFrame(frame);
  });
  useEffect(() => {
    window.addEventListener("scroll", measure, { passive: true });
    window.addEventListener("resize", measure);
    return () => {
      window.removeEventListener("scroll", measure);
      window.removeEventListener("resize", measure);
    };
  }, []);

  const firstRow = items.findIndex((item) => item.kind === "row");
  const found = active === null ? -1 : items.findIndex((item) => item.kind === "row" && item.key === active);
  const place = found >= 0 ? found : firstRow;

  useLayoutEffect(() => {
    if (!focusNext.current) return;
    focusNext.current = false;
    const link = body.current?.querySelector<HTMLElement>(`[data-row="${place}"] a`);
    link?.focus({ preventScroll: true });
    link?.closest("[role=row]")?.scrollIntoView({ block: "nearest" });
  });

  const move = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.floor(window.innerHeight / range.rowPx) - 2);
    const steps: Record<string, number> = {
      ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -items.length, End: items.length,
    };
    const step = steps[event.key];
    if (step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const to = rowNear(items, place + step, Math.sign(step));
    if (to < 0) return;
    focusNext.current = true;
    setActive(items[to]?.key ?? null);
    setRange((now) => ({ ...now }));
  };

  const { from, to } = items.length <= ALL_ROWS ? { from: 0, to: items.length } : range;
  const shown: number[] = [];
  for (let i = from; i < Math.min(to, items.length); i++) shown.push(i);
  // The row in the tab order is there wherever it is, or the keyboard would fall out of the list.
  if (place >= 0 && place < from) shown.unshift(place);
  if (place >= Math.max(to, from) && place < items.length) shown.push(place);

  return (
    <div class={`rows ${name}`} role="grid" aria-label={label} aria-rowcount={items.length + 1} aria-colcount={heads.length}>
      <div class="row row-heads" role="row" aria-rowindex={1}>
        {heads.map((head) => (
          <span key={head.name} class={`cell cell-${head.name}`} role="columnheader">
            {head.title}
          </span>
        ))}
      </div>
      <div
        class="rows-body"
        role="rowgroup"
        ref={body}
        style={{ height: `${items.length * range.rowPx}px` }}
        onKeyDown={move}
        onFocusIn={(event: FocusEvent) => {
          const at = (event.target as HTMLElement).closest("[data-row]")?.getAttribute("data-row");
          const item = at == null ? undefined : items[Number(at)];
          if (item && item.key !== active) setActive(item.key);
        }}
      >
        {shown.map((i) => {
          const item = items[i];
          if (!item) return null;
          const at = { transform: `translateY(${i * range.rowPx}px)` };
          if (item.kind === "group") {
            return (
              <div key={item.key} class="row row-group" role="row" aria-rowindex={i + 2} style={at}>
                <span role="gridcell" aria-colspan={heads.length}>
                  <bdi class="row-group-title">{item.title}</bdi> <span class="count">{item.about}</span>
                </span>
              </div>
            );
          }
          const tabIndex = i === place ? 0 : -1;
          return (
            <Row key={item.key} look={`${i} ${range.rowPx} ${tabIndex} ${look(item.row)}`}>
              {() => (
                <div class="row" role="row" aria-rowindex={i + 2} data-row={i} style={at} {...marks(item.row)}>
                  {cells(item.row, tabIndex).map((cell, c) => (
                    <span key={heads[c]?.name} class={`cell cell-${heads[c]?.name}`} role={c === 0 ? "rowheader" : "gridcell"}>
                      {cell}
                    </span>
                  ))}
                </div>
              )}
            </Row>
          );
        })}
      </div>
    </div>
  );
}

function Row({ look, children }: { look: string; children: () => ComponentChildren }) {
  return <>{useStill(look, children)}</>;
}

/** The row at a place, or else the next in a direction, or else the last before; -1 where there is none. */
export function rowNear<T>(items: readonly Item<T>[], place: number, direction: number): number {
  const start = Math.max(0, Math.min(items.length - 1, place));
  for (const step of [direction || 1, -(direction || 1)]) {
    for (let i = start; i >= 0 && i < items.length; i += step) if (items[i]?.kind === "row") return i;
  }
  return -1;
}
