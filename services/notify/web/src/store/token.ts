/** The access token lives in this tab only: sessionStorage, and never in an address that is sent anywhere. */

const KEY = "strainwatch.token";

export function keepToken(token: string): void {
  sessionStorage.setItem(KEY, token);
}

export function forgetToken(): void {
  sessionStorage.removeItem(KEY);
}

export function keptToken(): string | null {
  return sessionStorage.getItem(KEY);
}

/** The token that a link carried after `#`; it is taken out of the address at once. */
export function tokenFromLink(): string | null {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token) history.replaceState(null, "", location.pathname + location.search);
  return token;
}
