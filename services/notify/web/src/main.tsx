import { effect } from "@preact/signals";
import { render } from "preact";
import "uplot/dist/uPlot.min.css";
import "./style/tokens.css";
import "./style/page.css";
import "./style/parts.css";
import { canAcknowledge, current } from "./store/alerts";
import { alerts, signIn, tick } from "./store/store";
import { keptToken, tokenFromLink } from "./store/token";
import { chooseLanguage, language } from "./text/text";
import { App } from "./view/App";

const TICK_MS = 1000;

function signInWith(token: string | null): void {
  if (token) signIn(token);
}

language.value = chooseLanguage(navigator.languages);
effect(() => {
  document.documentElement.lang = language.value;
});
effect(() => {
  const open = current(alerts.value).filter(canAcknowledge).length;
  document.title = open ? `(${open}) Strainwatch` : "Strainwatch";
});

signInWith(tokenFromLink() ?? keptToken());
window.addEventListener("hashchange", () => signInWith(tokenFromLink()));
window.setInterval(tick, TICK_MS);

const page = document.getElementById("page");
if (page) render(<App />, page);
