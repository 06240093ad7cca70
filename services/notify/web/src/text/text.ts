/** The page's words: one catalogue a language, chosen by the browser, changed by the switch. */
import { signal } from "@preact/signals";
import en from "./en.json";
import zh from "./zh-CN.json";

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

export function isKey(key: string): key is Key {
  return Object.hasOwn(en, key);
}

/** The text of `key` with its `{holes}` filled. Values go in as they are; Preact escapes what it shows. */
export function t(key: Key, values: Readonly<Record<string, string | number>> = {}): string {
  return CATALOGUES[language.value][key].replace(/\{(\w+)\}/g, (hole, name: string) => String(values[name] ?? hole));
}

export function nameOfLanguage(of: Language): string {
  return CATALOGUES[of]["language.name"];
}

/** A text that the server gives in both languages. */
export function pair(text: string, textZh: string): string {
  return (language.value === "zh-CN" && textZh) || text;
}
