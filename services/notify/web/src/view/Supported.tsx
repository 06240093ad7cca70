import { noteSupport, support } from "../store/course";
import { canAct } from "../store/store";
import { timeOfDay } from "../text/format";
import { t } from "../text/text";

/** A lead says that they spoke with an agent: it takes some of the load off, and is remembered as done. */
export function Supported({ agent }: { agent: string }) {
  const at = support.value;
  const sending = at.state === "sending";
  return (
    <div class="supported">
      <button
        type="button"
        class="button"
        disabled={sending || at.state === "noted" || !canAct.value}
        onClick={() => void noteSupport(agent)}
      >
        {t(sending ? "supported.sending" : "supported.button")}
      </button>
      <p class="hint" role="status">
        {at.state === "noted"
          ? t("supported.noted", { time: timeOfDay(at.at_ms) })
          : at.state === "failed" || at.state === "refused"
            ? t(`supported.${at.state}`)
            : t("supported.about")}
      </p>
    </div>
  );
}
