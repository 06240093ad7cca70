import { useSignal } from "@preact/signals";
import { signIn, stopped } from "../store/store";
import { isKey, t } from "../text/text";

export function SignIn() {
  const token = useSignal("");
  const submit = (event: Event) => {
    event.preventDefault();
    const given = token.value.trim();
    if (given) signIn(given);
  };
  return (
    <main class="signin">
      <h1>{t("signin.title")}</h1>
      <Stopped />
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
        {t("signin.where")} <code>strainwatch token --demo</code>
      </p>
    </main>
  );
}

/** Why the last session ended, and what to do about it. */
function Stopped() {
  if (!stopped.value) return null;
  const { code, reason } = stopped.value;
  const key = `signin.stopped.${code}`;
  return (
    <div class="stopped" role="alert">
      <p>{isKey(key) ? t(key) : t("signin.stopped.other", { code })}</p>
      {reason && <p class="hint">{t("signin.reason", { reason })}</p>}
    </div>
  );
}
