/** Questions to the server's REST side, with the token of this tab. */
import { keptToken } from "./token";

/** An answer that is none: `status` 0 when the server was not reached. */
export class RestProblem extends Error {
  constructor(
    readonly status: number,
    detail: string,
    /** When to come back, where the server said so. */
    readonly retry_s: number | null = null,
  ) {
    super(detail);
  }
}

export type Params = Readonly<Record<string, string | readonly string[] | undefined>>;

export function query(params: Params): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    for (const each of typeof value === "string" ? [value] : (value ?? [])) if (each) search.append(name, each);
  }
  const text = search.toString();
  return text && `?${text}`;
}

/** `path` is relative to the page, such as `v1/alerts`. Rejects with RestProblem, or AbortError when given up. */
export async function getJson<T>(path: string, params: Params = {}, signal?: AbortSignal): Promise<T> {
  const response = await ask(path + query(params), "application/json", { signal });
  return (await response.json()) as T;
}

/** As `getJson`, for an answer that is a page. */
export async function getPage(path: string, params: Params = {}, signal?: AbortSignal): Promise<string> {
  return (await ask(path + query(params), "text/html", { signal })).text();
}

/** As `getJson`; the answer is thrown away. */
export async function postJson(path: string, body: object): Promise<void> {
  await ask(path, "application/json", { method: "POST", body: JSON.stringify(body) });
}

async function ask(path: string, accept: string, init: RequestInit): Promise<Response> {
  const headers: Record<string, string> = { Accept: accept };
  const token = keptToken();
  if (token !== null) headers.Authorization = `Bearer ${token}`;
  if (init.body) headers["Content-Type"] = "application/json";
  let response: Response;
  try {
    response = await fetch(new URL(path, document.baseURI), { ...init, headers, cache: "no-store" });
  } catch (fault) {
    if (fault instanceof DOMException && fault.name === "AbortError") throw fault;
    throw new RestProblem(0, "");
  }
  if (response.ok) return response;
  const retry_s = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  throw new RestProblem(response.status, await detailOf(response), Number.isNaN(retry_s) ? null : retry_s);
}

async function detailOf(response: Response): Promise<string> {
  try {
    const told = (await response.json()) as { detail?: unknown };
    return typeof told.detail === "string" ? told.detail : "";
  } catch {
    return "";
  }
}
