import { find, finding, foundAgents, foundQueues } from "../store/find";
import { t } from "../text/text";

export function Find() {
  const many = { queues: foundQueues.value.length, agents: foundAgents.value.length };
  return (
    <search class="find">
      <label class="unseen" for="find">
        {t("find.label")}
      </label>
      <svg class="find-sign" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
        <path d="M7 2.5a4.5 4.5 0 1 1 0 9a4.5 4.5 0 1 1 0-9zM10.4 10.4 14 14" />
      </svg>
      <input
        id="find"
        type="search"
        autocomplete="off"
        spellcheck={false}
        placeholder={t("find.label")}
        value={find.value}
        onInput={(event) => (find.value = event.currentTarget.value)}
      />
      <p class={finding.value ? "find-many" : "unseen"} role="status">
        {finding.value && t("find.many", many)}
      </p>
    </search>
  );
}
