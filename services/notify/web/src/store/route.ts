/** What is opened from the board, as the address says it: `#queue/NAME` or `#agent/NAME`. */
import { signal } from "@preact/signals";

export interface Opened {
  type: "queue" | "agent";
  id: string;
}

export function addressOf(type: Opened["type"], id: string): string {
  return `#${type}/${encodeURIComponent(id)}`;
}

export function openedBy(hash: string): Opened | null {
  const found = /^#(queue|agent)\/(.+)$/.exec(hash);
  if (!found) return null;
  try {
    return { type: found[1] as Opened["type"], id: decodeURIComponent(found[2] ?? "") };
  } catch {
    return null; // an address that was cut in the middle of a letter
  }
}

export const opened = signal<Opened | null>(openedBy(location.hash));

window.addEventListener("hashchange", () => {
  opened.value = openedBy(location.hash);
});

export function closeOpened(): void {
  if (opened.value === null) return;
  // Not by going back: that takes effect later, and could undo what was opened meanwhile.
  history.replaceState(null, "", location.pathname + location.search);
  opened.value = null;
}
