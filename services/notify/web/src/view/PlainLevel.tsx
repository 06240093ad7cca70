/** A band where nothing is blind: shape and word. */
import type { Band } from "../strain";
import { t } from "../text/text";
import { BAND_SHAPES, Sign } from "./Level";

export function PlainLevel({ band }: { band: Band }) {
  return (
    <span class={`level level-${band}`}>
      <Sign shape={BAND_SHAPES[band]} />
      {t(`band.${band}`)}
    </span>
  );
}
