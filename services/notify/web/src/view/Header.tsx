import { ADDRESSES, route, type Route } from "../route";
import { isAgent } from "../store/me";
import { signedIn } from "../store/store";
import { t } from "../text/text";
import { Connection } from "./Connection";
import { HowToBeTold } from "./HowToBeTold";
import { You } from "./You";

export function Header({ onSkip }: { onSkip: () => void }) {
  const skip = (event: Event) => {
    event.preventDefault(); // the address says which view is shown
    onSkip();
  };
  return (
    <header class="header">
      <a class="skip" href="#main" onClick={skip}>
        {t("nav.skip")}
      </a>
      <p class="brand">
        <svg class="brand-sign" viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
          <rect width="32" height="32" rx="8" />
          <path d="M6 20c4 0 4-8 8-8s4 8 8 8 3-4 4-4" />
        </svg>
        <span class="brand-name">Strainwatch</span>
      </p>
      {signedIn.value && <Views />}
      {signedIn.value && !isAgent.value && <Connection />}
      <div class="header-end">
        {signedIn.value && !isAgent.value && <HowToBeTold />}
        <You />
      </div>
    </header>
  );
}

const LEADS: readonly Route[] = ["board", "history", "report"];

function Views() {
  return (
    <nav class="views" aria-label={t("nav.label")}>
      {isAgent.value ? (
        <a href="#" aria-current="page">
          {t("nav.own")}
        </a>
      ) : (
        LEADS.map((each) => (
          <a key={each} href={ADDRESSES[each]} aria-current={route.value === each ? "page" : undefined}>
            {t(`nav.${each}`)}
          </a>
        ))
      )}
    </nav>
  );
}
