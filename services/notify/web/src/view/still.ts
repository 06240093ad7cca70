/** What looks the same as a second ago is left alone: no part of it is made, compared or laid out again. */
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { blind, hasBoard } from "../store/store";
import { language } from "../text/text";

/** `make` again only when `look` reads otherwise, which must tell all of what it shows; words and greyness are seen to. */
export function useStill(look: string, make: () => ComponentChildren): ComponentChildren {
  return useMemo(make, [look, language.value, blind.value]);
}

/** So many are made for the first picture; what fills a screen. */
const FIRST = 6;
/** And so many in each pause after it. */
const MORE = 12;
/** The first board goes before them, unless it does not come. */
const BOARD_WAIT_MS = 500;

/** How many of a long list to make by now: the first screen at once, and the rest when nothing else is to be done. */
export function useFirstThenAll(many: number): number {
  const [made, setMade] = useState(FIRST);
  useEffect(() => {
    if (made >= many) return;
    const timer = window.setTimeout(() => setMade(made + MORE), hasBoard.value ? 0 : BOARD_WAIT_MS);
    return () => window.clearTimeout(timer);
  }, [made, many, hasBoard.value]);
  return Math.min(made, many);
}
