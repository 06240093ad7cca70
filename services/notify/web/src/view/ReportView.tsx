/** The report's own code and style come when it is first opened. */
import type { FunctionComponent } from "preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "../text/text";

let loaded: FunctionComponent | null = null;

export function ReportView() {
  const [, arrived] = useState(loaded !== null);
  useEffect(() => {
    if (loaded) return;
    void import("./Report").then((part) => {
      loaded = part.Report;
      arrived(true);
    });
  }, []);
  const Report = loaded;
  // One and the same `main` before and after: it may have the focus.
  return (
    <main class="report-view" aria-busy={!Report}>
      {Report ? <Report /> : <p class="hint">{t("report.loading")}</p>}
    </main>
  );
}
