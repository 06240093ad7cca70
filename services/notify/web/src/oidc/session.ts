/** The session at the issuer: what it is, when the token ends, and the renewal before that. */
import { computed, effect, signal } from "@preact/signals";
import type { Oidc, SignInWays } from "../contract";
import { endOf_s } from "../store/me";
import { getJson } from "../store/rest";
import { goOnWith, now_ms, renewal, signedIn, signIn, signOut } from "../store/store";
import { keptToken } from "../store/token";
import { comeBack, isReturn, leaveFor, refresh, type Session } from "./flow";
import { SignInFault } from "./issuer";
import { renewInMs } from "./timing";

const KEY = "strainwatch.session";
/** From here on a person is told that the sign-in ends: time to end a conversation. Product choice. */
const TOLD_BEFORE_S = 300;

/** Where one can sign in; undefined until the server said, null where there are only tokens. */
export const ways = signal<Oidc | null | undefined>(undefined);
/** Why signing in at the issuer came to nothing: a short word. */
export const fault = signal<string | null>(null);
/** On the way to the issuer or back. */
export const underWay = signal(false);

const ends_s = signal<number | null>(null);
/** Seconds that are left, when few are and nobody renews it. */
export const left_s = computed(() => {
  void now_ms.value;
  if (!signedIn.value || ends_s.value === null || renewal.value !== null) return null;
  const left = ends_s.value - Date.now() / 1000;
  return left <= TOLD_BEFORE_S ? Math.max(0, left) : null;
});

export async function learnWays(): Promise<void> {
  try {
    ways.value = (await getJson<SignInWays>("v1/signin")).oidc;
  } catch {
    ways.value = null; // with a token one can always come in
  }
}

export async function signInAtIssuer(): Promise<void> {
  if (!ways.value) await learnWays();
  if (!ways.value || underWay.value) return;
  underWay.value = true;
  fault.value = null;
  try {
    await leaveFor(ways.value);
  } catch (problem) {
    fault.value = problem instanceof SignInFault ? problem.message : "unexpected";
    underWay.value = false;
  }
}

/** At the start of the page: true when this is a return from the issuer, which then signs in by itself. */
export function takeReturn(search: string): boolean {
  if (!isReturn(search)) return false;
  underWay.value = true;
  void comeBack(search)
    .then(({ token, session }) => {
      keepSession(session);
      signIn(token);
    })
    .catch((problem: unknown) => {
      fault.value = problem instanceof SignInFault ? problem.message : "unexpected";
    })
    .finally(() => {
      underWay.value = false;
    });
  return true;
}

/** One renewal at a time: a refresh token is often good for one use. */
let renewing: Promise<string | null> | null = null;

function renew(): Promise<string | null> {
  renewing ??= renewOnce().finally(() => (renewing = null));
  return renewing;
}

async function renewOnce(): Promise<string | null> {
  const session = keptSession();
  if (session === null) return null;
  try {
    const fresh = await refresh(session);
    keepSession(fresh.session);
    return fresh.token;
  } catch (problem) {
    const gone = problem instanceof SignInFault && problem.message !== "unreachable" && !problem.message.startsWith("HTTP 5");
    if (gone) {
      forgetSession();
      renewal.value = null;
    }
    return null;
  }
}

/** Follows the token of this tab: renews it in time where that can be done. Call once, before signing in. */
export function followSession(): void {
  let timer: number | undefined;
  const plan = () => {
    window.clearTimeout(timer);
    const token = keptToken();
    const at_s = token === null ? null : endOf_s(token);
    ends_s.value = at_s;
    if (at_s === null || keptSession()?.refresh_token == null) return;
    renewal.value = renew;
    timer = window.setTimeout(() => void renewNow(), renewInMs(at_s, Date.now()));
  };
  const renewNow = async () => {
    const before = keptToken();
    const token = await renew();
    if (keptToken() !== before) return; // somebody else signed in, or out
    if (token !== null) goOnWith(token);
    plan();
  };
  effect(() => {
    if (signedIn.value) plan();
    else {
      window.clearTimeout(timer);
      ends_s.value = null;
    }
  });
}

/** With a token that somebody has: no session at the issuer goes with it. */
export function signInWith(token: string): void {
  forgetSession();
  renewal.value = null;
  fault.value = null;
  signIn(token);
}

export function signOutHere(): void {
  forgetSession();
  fault.value = null;
  signOut();
}

function keepSession(session: Session): void {
  sessionStorage.setItem(KEY, JSON.stringify(session));
}

function forgetSession(): void {
  sessionStorage.removeItem(KEY);
}

function keptSession(): Session | null {
  try {
    const text = sessionStorage.getItem(KEY);
    return text === null ? null : (JSON.parse(text) as Session);
  } catch {
    return null;
  }
}
