import { effect } from "@preact/signals";
import { render } from "preact";
import "./style/tokens.css";
import "./style/page.css";
import "./style/parts.css";
import "./style/board.css";
import "./style/rows.css";
import "./style/course.css";
import "./style/alerts.css";
import "./style/alert-log.css";
import "./style/told.css";
import "./style/shell.css";
import "./style/own.css";
import { startAttention } from "./attention/attention";
import { followSession, signInWith, takeReturn } from "./oidc/session";
import { followRoute } from "./route";
import { signIn, tick, TICK_MS } from "./store/store";
import { followTheme } from "./store/theme";
import { keptToken, tokenFromLink } from "./store/token";
import { language, startLanguage } from "./text/text";
import { App } from "./view/App";

function start(): void {
  const linked = tokenFromLink();
  if (linked) return signInWith(linked);
  if (takeReturn(location.search)) return;
  const kept = keptToken();
  if (kept) signIn(kept);
}

followTheme();
language.value = startLanguage(navigator.languages);
effect(() => {
  document.documentElement.lang = language.value;
});
startAttention();
followRoute();
followSession();
start();
window.addEventListener("hashchange", () => {
  const linked = tokenFromLink();
  if (linked) signInWith(linked);
});
window.setInterval(tick, TICK_MS);

const page = document.getElementById("page");
if (page) render(<App />, page);
