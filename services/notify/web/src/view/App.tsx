import { useEffect, useRef } from "preact/hooks";
import { route } from "../route";
import { isAgent } from "../store/me";
import { blind, problem, signedIn } from "../store/store";
import { theme } from "../store/theme";
import { t } from "../text/text";
import { Agents } from "./Agents";
import { AlertLog } from "./AlertLog";
import { Alerts } from "./Alerts";
import { Announcer } from "./Announcer";
import { Breaks } from "./Breaks";
import { BlindNotice } from "./Connection";
import { CoursePanel } from "./Course";
import { Find } from "./Find";
import { Ending } from "./Ending";
import { Header } from "./Header";
import { OwnDay } from "./OwnDay";
import { Queues } from "./Queues";
import { ReportView } from "./ReportView";
import { SignIn } from "./SignIn";

export function App() {
  return (
    <>
      <Header onSkip={focusMain} />
      <Ending />
      <View />
      <Announcer />
    </>
  );
}

/** What the address and the role ask for. What is drawn on a canvas takes its colours when it is made. */
function View() {
  useFocusOnNew(route.value);
  if (!signedIn.value) return <SignIn />;
  if (isAgent.value) return <OwnDay />;
  switch (route.value) {
    case "history":
      return <AlertLog />;
    case "report":
      return <ReportView />;
    default:
      return <Board key={theme.value} />;
  }
}

function Board() {
  return (
    <main class="board" data-blind={blind.value}>
      <h1 class="unseen">Strainwatch</h1>
      <Problem />
      <BlindNotice />
      <Alerts />
      <div class="now">
        <Find />
        <Queues />
        <Breaks />
        <Agents />
        <p class="about">{t("page.about")}</p>
      </div>
      <CoursePanel />
    </main>
  );
}

/** To the one `main` of whatever view is shown. */
function focusMain(): void {
  const main = document.querySelector("main");
  if (!main) return;
  main.tabIndex = -1;
  main.focus({ preventScroll: true });
  window.scrollTo(0, 0);
}

/** After a change of view, reading goes on in the new one, from its top. */
function useFocusOnNew(shown: string): void {
  const before = useRef(shown);
  useEffect(() => {
    if (before.current !== shown) focusMain();
    before.current = shown;
  }, [shown]);
}

/** A refusal that belongs to no alert on the page. */
function Problem() {
  if (problem.value === null) return null;
  return (
    <p class="problem" role="status">
      <span dir="auto">{problem.value}</span>
      <button type="button" class="quiet" onClick={() => (problem.value = null)}>
        {t("problem.dismiss")}
      </button>
    </p>
  );
}
