import { signedIn, signOut } from "../store/store";
import { LANGUAGES, language, nameOfLanguage, t } from "../text/text";
import { Connection } from "./Connection";

export function Header() {
  return (
    <header class="header">
      <p class="brand">
        <svg class="brand-sign" viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
          <rect width="32" height="32" rx="8" />
          <path d="M6 20c4 0 4-8 8-8s4 8 8 8 3-4 4-4" />
        </svg>
        Strainwatch
      </p>
      {signedIn.value && <Connection />}
      <div class="header-end">
        <LanguageSwitch />
        {signedIn.value && (
          <button type="button" class="quiet" onClick={signOut}>
            {t("signin.out")}
          </button>
        )}
      </div>
    </header>
  );
}

function LanguageSwitch() {
  return (
    <div class="languages" role="group" aria-label={t("language.switch")}>
      {LANGUAGES.map((each) => (
        <button
          key={each}
          type="button"
          class="quiet"
          lang={each}
          aria-pressed={language.value === each}
          onClick={() => (language.value = each)}
        >
          {nameOfLanguage(each)}
        </button>
      ))}
    </div>
  );
}
