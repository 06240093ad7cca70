/** What a screen reader hears by itself, whichever view is open. */
import { announced } from "../store/announce";

export function Announcer() {
  return (
    <div class="announcer">
      <div class="unseen" aria-live="polite">
        {announced.value.polite}
      </div>
      <div class="unseen" role="alert">
        {announced.value.urgent}
      </div>
    </div>
  );
}
