/** The agent's own word on the load: five words, none chosen beforehand. */
import { useSignal } from "@preact/signals";
import { checkIn, sendCheckIn } from "../store/own";
import { duration, timeOfDay } from "../text/format";
import { t } from "../text/text";

const LOADS = [1, 2, 3, 4, 5] as const;

export function CheckIn({ last }: { last: string | null }) {
  const chosen = useSignal<number | null>(null);
  const at = checkIn.value;
  const submit = async (event: Event) => {
    event.preventDefault();
    if (chosen.value === null || at.state === "sending") return;
    await sendCheckIn(chosen.value);
    if (checkIn.value.state === "sent") chosen.value = null;
  };
  return (
    <section class="own-part card own-check" aria-labelledby="own-check">
      <h2 id="own-check">{t("own.check")}</h2>
      <p class="hint" id="own-check-about">
        {t("own.check.about")}
      </p>
      <form onSubmit={(event) => void submit(event)}>
        <fieldset aria-describedby="own-check-about">
          <legend class="unseen">{t("own.check")}</legend>
          {LOADS.map((load) => (
            <label key={load} class="own-load">
              <input
                type="radio"
                name="load"
                value={load}
                checked={chosen.value === load}
                onChange={() => {
                  chosen.value = load;
                  if (at.state !== "sending") checkIn.value = { state: "none" };
                }}
              />
              <span>{t(`own.check.${load}`)}</span>
            </label>
          ))}
        </fieldset>
        <button type="submit" class="button" disabled={chosen.value === null || at.state === "sending"}>
          {t(at.state === "sending" ? "own.check.sending" : "own.check.send")}
        </button>
      </form>
      <p class="hint" role="status">
        {at.state === "sent" && t("own.check.sent")}
        {at.state === "failed" && t("own.check.failed")}
        {at.state === "soon" && t("own.check.soon", { duration: duration(Math.ceil(at.retry_s / 60) * 60) })}
        {at.state === "none" && last !== null && t("own.check.last", { time: timeOfDay(last) })}
      </p>
    </section>
  );
}
