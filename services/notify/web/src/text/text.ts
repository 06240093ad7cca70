/** The page's words: one catalogue a language, chosen by the browser, changed by the switch. */
import { signal } from "@preact/signals";
import { keep, kept } from "../store/kept";
import { en } from "./en";
import { zh } from "./zh";

export type Key = keyof typeof en;
export type Language = "en" | "zh-CN";

const CATALOGUES: Record<Language, Record<Key, string>> = { en, "zh-CN": zh };
export const LANGUAGES = Object.keys(CATALOGUES) as Language[];

export const language = signal<Language>("en");

export function chooseLanguage(preferred: readonly string[]): Language {
  for (const tag of preferred) {
    if (/^zh\b/i.test(tag)) return "zh-CN";
    if (/^en\b/i.test(tag)) return "en";
  }
  return "en";
}

const KEPT = "strainwatch.language";

/** As chosen here before, else as the browser likes it. */
export function startLanguage(preferred: readonly string[]): Language {
  const chosen = kept(KEPT);
  return LANGUAGES.find((each) => each === chosen) ?? chooseLanguage(preferred);
}

/** By the switch: kept in this browser. */
export function chooseLanguageHere(next: Language): void {
  language.value = next;
  keep(KEPT, next);
}

export function isKey(key: string): key is Key {
  return Object.hasOwn(en, key);
}

/** Texts cut at their holes, each when it is first needed: a board fills hundreds of them each second. */
const CUT: Record<Language, Map<Key, readonly string[]>> = { en: new Map(), "zh-CN": new Map() };

/** Words and names of holes in turn. */
function cut(of: Language, key: Key): readonly string[] {
  let parts = CUT[of].get(key);
  if (parts === undefined) CUT[of].set(key, (parts = CATALOGUES[of][key].split(/\{(\w+)\}/)));
  return parts;
}

/** The text of `key` with its `{holes}` filled. Values go in as they are; Preact escapes what it shows. */
export function t(key: Key, values: Readonly<Record<string, string | number>> = {}): string {
  const parts = cut(language.value, key);
  let text = parts[0] ?? "";
  for (let i = 1; i < parts.length; i += 2) text += `${values[parts[i] ?? ""] ?? `{${parts[i]}}`}${parts[i + 1]}`;
  return text;
}

export function nameOfLanguage(of: Language): string {
  return CATALOGUES[of]["language.name"];
}

/** A text that the server gives in both languages. */
export function pair(text: string, textZh: string): string {
  return (language.value === "zh-CN" && textZh) || text;
}
