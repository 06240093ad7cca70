/** Before a sign-in ends that nobody renews. */
import { useEffect } from "preact/hooks";
import { learnWays, left_s, signInAtIssuer, ways } from "../oidc/session";
import { roughly } from "../text/format";
import { t } from "../text/text";

export function Ending() {
  const near = left_s.value !== null;
  useEffect(() => {
    if (near && ways.value === undefined) void learnWays();
  }, [near]);
  if (left_s.value === null) return null;
  return (
    <p class="ending" role="status">
      <span>
        {t("ending.told", { duration: roughly(Math.ceil(left_s.value / 60) * 60) })} {!ways.value && t("ending.token")}
      </span>
      {ways.value && (
        <button type="button" class="quiet" onClick={() => void signInAtIssuer()}>
          {t("ending.again")}
        </button>
      )}
    </p>
  );
}
