/** Who is signed in, and how this page looks: behind one button, in a popover of the browser's own. */
import { signOutHere } from "../oidc/session";
import { me } from "../store/me";
import { signedIn, way } from "../store/store";
import { chooseTheme, THEMES, theme } from "../store/theme";
import { zone } from "../text/format";
import { chooseLanguageHere, isKey, LANGUAGES, language, nameOfLanguage, t } from "../text/text";
import { zoneName } from "../text/zone";

export function You() {
  const name = me.value?.sub ?? "";
  return (
    <>
      <button type="button" class="quiet you-button" popovertarget="you" aria-label={t("you.button", { name: name || t("you.nobody") })}>
        <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
          <circle cx="10" cy="7" r="3.25" />
          <path d="M3.5 17c.6-3.4 3.2-5 6.500-5s5.900 1.600 6.500 5" />
        </svg>
        <bdi class="you-name">{name || t("you.nobody")}</bdi>
      </button>
      <div id="you" popover="auto" class="you" role="group" aria-label={t("you.title")}>
        {signedIn.value && <Who />}
        <LanguageSwitch />
        <ThemeSwitch />
        <p class="hint">{t("you.zone", { zone: zoneName(zone.value) })}</p>
        {signedIn.value && way.value === "stream" && <p class="hint">{t("link.by.stream")}</p>}
        {signedIn.value && (
          <button type="button" class="button-plain" onClick={signOutHere}>
            {t("signin.out")}
          </button>
        )}
      </div>
    </>
  );
}

function Who() {
  if (me.value === null) return null;
  const { sub, role, teams } = me.value;
  const roleKey = `you.role.${role}`;
  return (
    <div class="you-who">
      <bdi class="you-sub" dir="auto">
        {sub}
      </bdi>
      <p class="hint">
        {isKey(roleKey) ? t(roleKey) : role}
        {teams.length > 0 && <span> · {teams.includes("*") ? t("you.teams.all") : t("you.teams", { teams: teams.join(", ") })}</span>}
      </p>
    </div>
  );
}

function LanguageSwitch() {
  return (
    <div class="choice languages" role="group" aria-label={t("language.switch")}>
      {LANGUAGES.map((each) => (
        <button key={each} type="button" lang={each} aria-pressed={language.value === each} onClick={() => chooseLanguageHere(each)}>
          {nameOfLanguage(each)}
        </button>
      ))}
    </div>
  );
}

function ThemeSwitch() {
  return (
    <div class="choice themes" role="group" aria-label={t("theme.switch")}>
      {THEMES.map((each) => (
        <button key={each} type="button" data-choose={each} aria-pressed={theme.value === each} onClick={() => chooseTheme(each)}>
          {t(`theme.${each}`)}
        </button>
      ))}
    </div>
  );
}
