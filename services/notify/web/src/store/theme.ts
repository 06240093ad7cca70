/** Light, dark, or as the system is: kept in this browser. */
import { effect, signal } from "@preact/signals";
import { keep, kept } from "./kept";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEY = "strainwatch.theme";
const DARK = "(prefers-color-scheme: dark)";

export const theme = signal<Theme>("system");

export function themeOf(kept: string | null): Theme {
  return THEMES.find((each) => each === kept) ?? "system";
}

export function chooseTheme(next: Theme): void {
  theme.value = next;
  keep(KEY, next);
}

export function followTheme(): void {
  theme.value = themeOf(kept(KEY));
  const dark = darkRules();
  effect(() => {
    const { value } = theme;
    if (value === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = value;
    for (const rule of dark) rule.media.mediaText = value === "system" ? DARK : value === "dark" ? "all" : "not all";
  });
}

/**
 * What every style sheet says for a dark system. A choice made here decides whether it holds, so that each part of the
 * page writes its dark colours once, and those that are drawn on a canvas follow too.
 */
function darkRules(): CSSMediaRule[] {
  return [...document.styleSheets].flatMap((sheet) =>
    [...sheet.cssRules].filter(
      (rule): rule is CSSMediaRule => rule instanceof CSSMediaRule && rule.conditionText.replace(/\s/g, "") === DARK.replace(/\s/g, ""),
    ),
  );
}
