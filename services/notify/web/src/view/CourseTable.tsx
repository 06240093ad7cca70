/** The day in words: what stands under the cursor, and the quarters of an hour as a table. */
import type { SubjectCourse } from "../contract";
import { quartersOf, type Span } from "../store/day";
import { slotOf } from "../strain";
import { driverName, durationOrUnknown, timeOfDay, whole } from "../text/format";
import { t } from "../text/text";

/** What the lines say at a place; without one, what their colours mean. */
export function Legend({ span, place }: { span: Span; place: number | null }) {
  const at = place === null ? null : (span.times_s[place] ?? null);
  const known = at !== null && place !== null;
  const value = (values: (number | null)[] | null) => (known && values ? (values[place] ?? null) : null);
  const strain = value(span.strain);
  return (
    <div class="legend">
      <p class="legend-at">
        {known ? timeOfDay(at * 1000) : t("course.legend")}
        {strain !== null && <> · {t("queue.strain", { strain: whole(strain) })}</>}
      </p>
      <ul class="legend-parts">
        {span.parts.map(({ name, points }) => (
          <li key={name ?? ""} class="legend-part">
            <span class={`swatch slot-${name === null ? 8 : slotOf(name)}`} aria-hidden="true" />
            {name === null ? t("drivers.rest") : driverName(name)}
            {value(points) !== null && <span class="driver-points">+{whole(value(points) ?? 0)}</span>}
          </li>
        ))}
      </ul>
      {span.waiting && (
        <ul class="legend-parts">
          <li class="legend-part">
            <span class="dash dash-waiting" aria-hidden="true" />
            {t("queue.waiting")}
            {value(span.waiting) !== null && <span class="driver-points">{whole(value(span.waiting) ?? 0)}</span>}
          </li>
          <li class="legend-part">
            <span class="dash dash-longest" aria-hidden="true" />
            {t("course.longest")}
            {value(span.longest_s) !== null && <span class="driver-points">{durationOrUnknown(value(span.longest_s))}</span>}
          </li>
          <li class="legend-part">
            <span class="dash dash-predicted" aria-hidden="true" />
            {t("course.predicted")}
            {value(span.predicted_s) !== null && (
              <span class="driver-points">{durationOrUnknown(value(span.predicted_s))}</span>
            )}
          </li>
        </ul>
      )}
    </div>
  );
}

export function Quarters({ course, hours }: { course: SubjectCourse; hours: number }) {
  const quarters = quartersOf(course, hours);
  const queue = course.waiting !== null;
  return (
    <details class="quarters">
      <summary>{t("course.table")}</summary>
      <div class="quarters-scroll" tabIndex={0} role="region" aria-label={t("course.table")}>
        <table>
          <caption class="unseen">{t("course.table.about")}</caption>
          <thead>
            <tr>
              <th scope="col">{t("course.from")}</th>
              <th scope="col">{t("course.highest")}</th>
              <th scope="col">{t("course.driver")}</th>
              {queue && <th scope="col">{t("queue.waiting")}</th>}
              {queue && <th scope="col">{t("queue.longest")}</th>}
            </tr>
          </thead>
          <tbody>
            {quarters.map((quarter) => (
              <tr key={quarter.at_ms}>
                <th scope="row">{timeOfDay(quarter.at_ms)}</th>
                <td>{quarter.strain === null ? t("value.unknown") : whole(quarter.strain)}</td>
                <td>{quarter.driver === null ? "–" : driverName(quarter.driver)}</td>
                {queue && <td>{quarter.waiting === null ? t("value.unknown") : whole(quarter.waiting)}</td>}
                {queue && <td>{quarter.longest_s === null ? "–" : durationOrUnknown(quarter.longest_s)}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
