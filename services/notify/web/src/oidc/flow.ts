/**
 * Signing in at an issuer: authorization code with PKCE (RFC 7636), `state` and `nonce`.
 *
 * What has to outlive the way there and back is in this tab's sessionStorage, and is used once.
 */
import type { Oidc } from "../contract";
import { claimsOf } from "../store/me";
import { faultOf } from "./check";
import { discover, SignInFault, trade, type Tokens } from "./issuer";
import { challengeOf, unguessable } from "./pkce";

export interface Session {
  issuer: string;
  token_endpoint: string;
  client_id: string;
  sub: string;
  refresh_token: string | null;
}

interface Started {
  issuer: string;
  token_endpoint: string;
  client_id: string;
  redirect_uri: string;
  state: string;
  nonce: string;
  verifier: string;
  /** Where the person was, after `#`. */
  back: string;
}

export interface SignedIn {
  token: string;
  session: Session;
  back: string;
}

const STARTED = "strainwatch.signing-in";

/** The page itself, which the issuer must know as a redirect address. */
export function redirectUri(page: string): string {
  const url = new URL(page);
  url.search = url.hash = "";
  return url.href;
}

/** Leaves this page for the issuer's. Rejects with SignInFault when that is not possible. */
export async function leaveFor(ways: Oidc): Promise<void> {
  if (!crypto.subtle) throw new SignInFault("insecure");
  const { issuer, authorization_endpoint, token_endpoint } = await discover(ways.issuer);
  const started: Started = {
    issuer, token_endpoint, client_id: ways.client_id, redirect_uri: redirectUri(document.baseURI),
    state: unguessable(), nonce: unguessable(), verifier: unguessable(), back: location.hash,
  };
  sessionStorage.setItem(STARTED, JSON.stringify(started));
  const url = new URL(authorization_endpoint);
  const asked = {
    response_type: "code", client_id: ways.client_id, redirect_uri: started.redirect_uri, scope: ways.scope,
    state: started.state, nonce: started.nonce, code_challenge: await challengeOf(started.verifier), code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
  location.assign(url);
}

/** True when the issuer sent the person back here. */
export function isReturn(search: string): boolean {
  const told = new URLSearchParams(search);
  return told.has("error") || (told.has("state") && told.has("code"));
}

/** Trades the code in the address for a token. The address is cleaned at once. Rejects with SignInFault. */
export async function comeBack(search: string): Promise<SignedIn> {
  const told = new URLSearchParams(search);
  const started = takeStarted();
  history.replaceState(null, "", location.pathname + (started?.back ?? ""));
  window.dispatchEvent(new HashChangeEvent("hashchange")); // back to the view that the person was sent away from
  const error = told.get("error");
  // Some issuers leave the state out when they say no; there is nothing in a no that could be misused.
  const ours = started !== null && (told.get("state") ?? (error === null ? null : started.state)) === started.state;
  if (!ours) throw new SignInFault("state");
  if (error !== null) throw new SignInFault(error);
  // RFC 9207: an issuer that names itself must be the one that was asked.
  if ((told.get("iss") ?? started.issuer) !== started.issuer) throw new SignInFault("iss");
  const { client_id, redirect_uri, token_endpoint, verifier } = started;
  const code = told.get("code") ?? "";
  const tokens = await trade(token_endpoint, { grant_type: "authorization_code", code, redirect_uri, client_id, code_verifier: verifier });
  const token = checked(tokens, { ...started, sub: null });
  const sub = String(claimsOf(token)?.sub);
  const session = { issuer: started.issuer, token_endpoint, client_id, sub, refresh_token: tokens.refresh_token ?? null };
  return { token, session, back: started.back };
}

/** A fresh token by the refresh token, which may be replaced too. Rejects with SignInFault. */
export async function refresh(session: Session): Promise<{ token: string; session: Session }> {
  const { client_id, refresh_token, token_endpoint } = session;
  if (refresh_token === null) throw new SignInFault("no refresh token");
  const tokens = await trade(token_endpoint, { grant_type: "refresh_token", refresh_token, client_id });
  const token = checked(tokens, { ...session, nonce: null });
  return { token, session: { ...session, refresh_token: tokens.refresh_token ?? refresh_token } };
}

function checked(tokens: Tokens, expected: { issuer: string; client_id: string; nonce: string | null; sub: string | null }): string {
  const token = tokens.id_token ?? "";
  const fault = faultOf(claimsOf(token), expected, Date.now() / 1000);
  if (fault !== null) throw new SignInFault(fault);
  return token;
}

function takeStarted(): Started | null {
  const text = sessionStorage.getItem(STARTED);
  sessionStorage.removeItem(STARTED);
  try {
    return text === null ? null : (JSON.parse(text) as Started);
  } catch {
    return null;
  }
}
