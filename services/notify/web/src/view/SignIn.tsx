import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { fault, learnWays, signInAtIssuer, signInWith, underWay, ways } from "../oidc/session";
import { stopped } from "../store/store";
import { isKey, t } from "../text/text";

export function SignIn() {
  useEffect(() => {
    if (ways.value === undefined) void learnWays();
  }, []);
  const known = ways.value !== undefined && !underWay.value;
  return (
    <main class="signin" aria-busy={!known}>
      <h1>{t("signin.title")}</h1>
      <Stopped />
      <Fault />
      {underWay.value && <p role="status">{t("signin.under_way")}</p>}
      {known && (ways.value ? <AtIssuer issuer={ways.value.issuer} /> : <WithToken />)}
    </main>
  );
}

const hostOf = (issuer: string | undefined) => (issuer && URL.canParse(issuer) ? new URL(issuer).host : "");

function AtIssuer({ issuer }: { issuer: string }) {
  return (
    <>
      <p>{t("signin.signed_out")}</p>
      <button type="button" class="button signin-issuer" onClick={() => void signInAtIssuer()}>
        {t("signin.issuer")}
      </button>
      <p class="hint">{t("signin.issuer.about", { host: hostOf(issuer) })}</p>
      <details class="signin-other">
        <summary>{t("signin.other")}</summary>
        <WithToken />
      </details>
    </>
  );
}

function WithToken() {
  const token = useSignal("");
  const submit = (event: Event) => {
    event.preventDefault();
    const given = token.value.trim();
    if (given) signInWith(given);
  };
  return (
    <div class="signin-token">
      <p>{t("signin.intro")}</p>
      <form onSubmit={submit}>
        <label for="token">{t("signin.token")}</label>
        <input
          id="token"
          type="password"
          autocomplete="off"
          spellcheck={false}
          required
          value={token.value}
          onInput={(event) => (token.value = event.currentTarget.value)}
        />
        <button type="submit" class="button">
          {t("signin.button")}
        </button>
      </form>
      <p class="hint">
        {t("signin.where")} <code>strainwatch token</code>
      </p>
    </div>
  );
}

/** Why the last session ended, and what to do about it. */
function Stopped() {
  if (!stopped.value) return null;
  const { code, reason } = stopped.value;
  const ours = ways.value && (code === 4005 || code === 4500) ? `signin.stopped.${code}.issuer` : `signin.stopped.${code}`;
  return (
    <div class="stopped" role="alert">
      <p>{isKey(ours) ? t(ours) : t("signin.stopped.other", { code })}</p>
      {reason && <p class="hint">{t("signin.reason", { reason })}</p>}
    </div>
  );
}

/** Why signing in at the issuer came to nothing. */
function Fault() {
  if (fault.value === null) return null;
  const key = `signin.fault.${fault.value}`;
  const host = hostOf(ways.value?.issuer);
  return (
    <div class="stopped" role="alert">
      <p>{t("signin.fault")}</p>
      <p class="hint">{isKey(key) ? t(key, { host }) : t("signin.fault.code", { code: fault.value })}</p>
    </div>
  );
}
