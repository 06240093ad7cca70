/** Filters of the history; each takes effect when it is changed. */
import type { Alert } from "../contract";
import { KINDS, NO_FILTERS, PHASES, SEVERITIES, type Filters } from "../store/alertFilters";
import { board } from "../store/store";
import { kindName } from "../text/alert";
import { t } from "../text/text";

interface Props {
  filters: Filters;
  /** Alerts found so far: their teams and subjects are offered. */
  seen: readonly Alert[];
  onChange: (some: Partial<Filters>) => void;
}

/** Names offered in one list. */
const NAMES_MAX = 200;

export function LogFilters({ filters, seen, onChange }: Props) {
  const frame = board.peek()?.frame; // for suggestions only: not worth a new list each second
  const teams = unique([...seen.map((alert) => alert.team), ...(frame?.agents ?? []).map((agent) => agent.team)]);
  const subjects = unique([
    ...seen.map((alert) => alert.subject.id),
    ...(frame?.queues ?? []).map((queue) => queue.id),
    ...(frame?.agents ?? []).map((agent) => agent.id),
  ]);
  const any = Object.values(filters).some(Boolean);
  return (
    <form class="filters" aria-label={t("log.filters")} onSubmit={(event) => event.preventDefault()}>
      <Choice
        name="phase" value={filters.phase} words={t("log.phase")} onChange={onChange}
        options={PHASES.map((phase) => [phase, t(`phase.${phase}`)] as const)}
      />
      <Choice
        name="kind" value={filters.kind} words={t("log.kind")} onChange={onChange}
        options={KINDS.map((kind) => [kind, kindName(kind)] as const)}
      />
      <Choice
        name="severity" value={filters.severity} words={t("log.severity")} onChange={onChange}
        options={SEVERITIES.map((severity) => [severity, t(`severity.${severity}`)] as const)}
      />
      <Free name="team" value={filters.team} words={t("log.team")} names={teams} onChange={onChange} />
      <Free name="subject" value={filters.subject} words={t("log.subject")} names={subjects} onChange={onChange} />
      {any && (
        <button type="button" class="quiet" onClick={() => onChange(NO_FILTERS)}>
          {t("log.clear")}
        </button>
      )}
    </form>
  );
}

function unique(names: readonly (string | null)[]): string[] {
  return [...new Set(names.filter((name): name is string => Boolean(name)))].sort().slice(0, NAMES_MAX);
}

interface ChoiceProps {
  name: keyof Filters;
  value: string;
  words: string;
  options: readonly (readonly [string, string])[];
  onChange: (some: Partial<Filters>) => void;
}

function Choice({ name, value, words, options, onChange }: ChoiceProps) {
  return (
    <label class="field">
      <span class="label">{words}</span>
      <select name={name} value={value} onChange={(event) => onChange({ [name]: event.currentTarget.value })}>
        <option value="">{t("log.any")}</option>
        {options.map(([id, told]) => (
          <option key={id} value={id} selected={id === value}>
            {told}
          </option>
        ))}
      </select>
    </label>
  );
}

interface FreeProps extends Omit<ChoiceProps, "options"> {
  names: readonly string[];
}

function Free({ name, value, words, names, onChange }: FreeProps) {
  const list = `filter-${name}`;
  return (
    <label class="field">
      <span class="label">{words}</span>
      <input
        name={name}
        value={value}
        list={list}
        autocomplete="off"
        dir="auto"
        placeholder={t("log.any")}
        onChange={(event) => onChange({ [name]: event.currentTarget.value.trim() })}
      />
      <datalist id={list}>
        {names.map((each) => (
          <option key={each} value={each} />
        ))}
      </datalist>
    </label>
  );
}
