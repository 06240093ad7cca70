/** Which view the address asks for, after its `#`. What else stands there (`queue/NAME`) is opened from the board. */
import { signal } from "@preact/signals";

export type Route = "board" | "history" | "report";

export const ADDRESSES: Readonly<Record<Route, string>> = { board: "#", history: "#history", report: "#report" };

export function routeOf(hash: string): Route {
  const name = /^#(history|report)(?:\?|$)/.exec(hash)?.[1];
  return (name as Route | undefined) ?? "board";
}

export const route = signal<Route>("board");

export function followRoute(): void {
  const follow = () => (route.value = routeOf(location.hash));
  window.addEventListener("hashchange", follow);
  follow();
}
