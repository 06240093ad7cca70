import { blind, problem, signedIn } from "../store/store";
import { t } from "../text/text";
import { Agents } from "./Agents";
import { Alerts } from "./Alerts";
import { Breaks } from "./Breaks";
import { BlindNotice } from "./Connection";
import { Header } from "./Header";
import { Queues } from "./Queues";
import { SignIn } from "./SignIn";

export function App() {
  return (
    <>
      <Header />
      {signedIn.value ? <Board /> : <SignIn />}
    </>
  );
}

function Board() {
  return (
    <main class="board" data-blind={blind.value}>
      <h1 class="unseen">Strainwatch</h1>
      <Problem />
      <BlindNotice />
      <Alerts />
      <div class="now">
        <Queues />
        <Breaks />
        <Agents />
        <p class="about">{t("page.about")}</p>
      </div>
    </main>
  );
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
