/** A level as shape and word: never colour alone. */
import type { Severity } from "../contract";
import { blind } from "../store/store";
import type { Band } from "../strain";
import { t } from "../text/text";

type Shape = "circle" | "triangle" | "diamond" | "octagon";

const OUTLINES: Record<Shape, string> = {
  circle: "M8 2.5a5.5 5.5 0 1 1 0 11a5.5 5.5 0 1 1 0-11z",
  triangle: "M8 2.2 14.6 13.5H1.4z",
  diamond: "M8 1.2 14.8 8 8 14.8 1.2 8z",
  octagon: "M5.2 1.2h5.6l4 4v5.6l-4 4H5.2l-4-4V5.2z",
};

export function Sign({ shape }: { shape: Shape }) {
  return (
    <svg class={`sign sign-${shape}`} viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path class="sign-outline" d={OUTLINES[shape]} />
      {shape === "octagon" && <path class="sign-mark" d="M8 4v4.6M8 11.2v.6" />}
    </svg>
  );
}

export const BAND_SHAPES: Record<Band, Shape> = { calm: "circle", rising: "triangle", strained: "diamond", critical: "octagon" };

/** The band of a queue or agent. While the page is blind it says what *was*. */
export function BandLevel({ band }: { band: Band }) {
  const word = t(`band.${band}`);
  return (
    <span class={`level level-${band}`}>
      <Sign shape={BAND_SHAPES[band]} />
      {blind.value ? t("band.was", { band: word.toLocaleLowerCase() }) : word}
    </span>
  );
}

const SEVERITY_BANDS: Record<Severity, Band> = { notice: "calm", warning: "strained", critical: "critical" };

export function SeverityLevel({ severity }: { severity: Severity }) {
  const band = SEVERITY_BANDS[severity];
  return (
    <span class={`level level-${severity}`}>
      <Sign shape={BAND_SHAPES[band]} />
      {t(`severity.${severity}`)}
    </span>
  );
}
