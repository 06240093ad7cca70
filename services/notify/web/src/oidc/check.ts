/** What must be true of an identity token before the page goes on with it (OpenID Connect Core, 3.1.3.7). Pure. */

export interface Expected {
  issuer: string;
  client_id: string;
  /** Of the request that this answers; null for a renewal, which may leave it out. */
  nonce: string | null;
  /** Of the person so far; null at the first sign-in. */
  sub: string | null;
}

const SLACK_S = 300; // of a computer's clock that is off

/**
 * The first thing that is wrong, or null. The signature is the server's to check: this token came from the issuer itself,
 * over its own connection.
 */
export function faultOf(claims: Readonly<Record<string, unknown>> | null, expected: Expected, now_s: number): string | null {
  if (claims === null) return "token";
  if (claims.iss !== expected.issuer) return "iss";
  const audience = Array.isArray(claims.aud) ? (claims.aud as unknown[]) : [claims.aud];
  if (!audience.includes(expected.client_id)) return "aud";
  if (audience.length > 1 && claims.azp !== expected.client_id) return "azp";
  if (typeof claims.exp !== "number" || claims.exp < now_s - SLACK_S) return "exp";
  if (expected.nonce !== null && claims.nonce !== expected.nonce) return "nonce";
  if (typeof claims.sub !== "string" || !claims.sub) return "sub";
  if (expected.sub !== null && claims.sub !== expected.sub) return "sub";
  return null;
}
