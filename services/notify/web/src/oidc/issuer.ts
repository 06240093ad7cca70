/** The issuer's own description of itself, and its token endpoint. */

export interface Endpoints {
  issuer: string;
  authorization_endpoint: string;
  token_endpoint: string;
}

export interface Tokens {
  id_token?: string;
  refresh_token?: string;
}

/** Why signing in did not work: a word of ours, or of the issuer's (RFC 6749, 5.2). */
export class SignInFault extends Error {}

export async function discover(issuer: string): Promise<Endpoints> {
  const address = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const told = await answerOf(fetch(address, { cache: "no-store", credentials: "omit", referrerPolicy: "no-referrer" }));
  if (trimmed(told.issuer) !== trimmed(issuer)) throw new SignInFault("issuer");
  const { authorization_endpoint, token_endpoint } = told;
  if (typeof authorization_endpoint !== "string" || typeof token_endpoint !== "string") throw new SignInFault("discovery");
  return { issuer: String(told.issuer), authorization_endpoint, token_endpoint };
}

const trimmed = (issuer: unknown) => (typeof issuer === "string" ? issuer.replace(/\/$/, "") : null);

/** A code, or a refresh token, for tokens. Rejects with SignInFault. */
export async function trade(token_endpoint: string, fields: Readonly<Record<string, string>>): Promise<Tokens> {
  return (await answerOf(
    fetch(token_endpoint, {
      method: "POST",
      body: new URLSearchParams(fields),
      headers: { Accept: "application/json" },
      cache: "no-store",
      credentials: "omit",
      referrerPolicy: "no-referrer",
    }),
  )) as Tokens;
}

async function answerOf(asked: Promise<Response>): Promise<Record<string, unknown>> {
  let response: Response;
  try {
    response = await asked;
  } catch {
    throw new SignInFault("unreachable");
  }
  const told: unknown = await response.json().catch(() => null);
  const fields = typeof told === "object" && told !== null ? (told as Record<string, unknown>) : {};
  if (!response.ok) throw new SignInFault(typeof fields.error === "string" ? fields.error : `HTTP ${response.status}`);
  return fields;
}
