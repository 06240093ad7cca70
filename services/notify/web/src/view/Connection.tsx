/** Whether the page sees the present, and how old what it shows is: always there, in words. */
import type { Freshness } from "../store/board";
import { fresh, retryIn_s } from "../store/store";
import { duration } from "../text/format";
import { t } from "../text/text";

function words(state: Freshness, retry_s: number | null): string {
  switch (state.kind) {
    case "connecting":
    case "live":
    case "empty":
      return t(`link.${state.kind}`);
    case "silent":
    case "stale":
      return t(`link.${state.kind}`, { duration: duration(state.age_s) });
    case "reconnecting":
      return retry_s === null
        ? t("link.reconnecting", { attempt: state.attempt })
        : t("link.reconnecting.in", { attempt: state.attempt, duration: duration(Math.ceil(retry_s)) });
  }
}

export function Connection() {
  const state = fresh.value;
  const age_s = "age_s" in state ? state.age_s : null;
  const told = state.kind === "stale" || state.kind === "silent";
  return (
    <p class={`connection connection-${state.kind}`} data-connection={state.kind}>
      <span class="dot" aria-hidden="true" />
      <span>{words(state, retryIn_s.value)}</span>
      {age_s !== null && !told && <span class="age">{t("link.age", { duration: duration(age_s) })}</span>}
    </p>
  );
}

/** Across the board while it is blind. */
export function BlindNotice() {
  const state = fresh.value;
  if (state.kind !== "stale" && state.kind !== "silent" && state.kind !== "reconnecting") return null;
  if (state.age_s === null) return null;
  return <p class="blind-notice">{t(`blind.${state.kind}`, { duration: duration(state.age_s) })}</p>;
}
