/** Proof Key for Code Exchange (RFC 7636), and texts nobody can guess. */

export function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

/** 32 random bytes, 43 letters: the least that RFC 7636 allows for a verifier. */
export function unguessable(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

/** S256. Browsers offer `subtle` only to pages that came by https or from this machine. */
export async function challengeOf(verifier: string): Promise<string> {
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}
