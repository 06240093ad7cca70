/** The empty board: how to make the first queue appear. */
import { useMemo } from "preact/hooks";
import { serverNow_ms } from "../store/store";
import { t } from "../text/text";

const MINUTE_MS = 60_000;

export function FirstEvent() {
  // The example stays fresh enough to be accepted, and still enough to be copied.
  const minute = Math.floor(serverNow_ms.value / MINUTE_MS);
  const example = useMemo(() => {
    const ts = new Date(minute * MINUTE_MS).toISOString();
    const event = { type: "queue.observed", id: `first-${minute}`, ts, queue: "Billing", waiting: 3, longest_wait_s: 40 };
    return [
      `curl ${new URL("v1/events", document.baseURI).href} \\`,
      `  -H "Authorization: Bearer ${t("queue.none.key")}" \\`,
      `  -H "Content-Type: application/json" \\`,
      `  -d '${JSON.stringify(event)}'`,
    ].join("\n");
  }, [minute]);
  return (
    <div class="card first-event">
      <h3>{t("queue.none.title")}</h3>
      <p>{t("queue.none.text")}</p>
      <pre tabIndex={0}>
        <code>{example}</code>
      </pre>
    </div>
  );
}
