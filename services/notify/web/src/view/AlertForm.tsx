/** The few words that an action needs: to whom, until when, and a note. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Alert } from "../contract";
import { namesIn } from "../store/alerts";
import { verbsFor } from "../store/asks";
import { setForm, type Form } from "../store/desk";
import { me } from "../store/me";
import { snoozeUntil, SNOOZES_MIN, type Refused } from "../store/snooze";
import { act, alerts, serverNow_ms } from "../store/store";
import { duration, roughly, timeOfDay } from "../text/format";
import { t } from "../text/text";

/** As the contract has it. */
const NOTE_MAX = 280;
const NAME_MAX = 200;

interface Props {
  alert: Alert;
  form: Form;
  shut: boolean;
  onCancel: () => void;
}

export function AlertForm({ alert, form, shut, onCancel }: Props) {
  const root = useRef<HTMLFormElement>(null);
  useEffect(() => root.current?.querySelector<HTMLElement>("input, textarea, button")?.focus(), [form.verb]);
  const parts: ComponentChildren =
    form.verb === "assign" ? (
      <AssignFields alert={alert} form={form} shut={shut} />
    ) : form.verb === "snooze" ? (
      <SnoozeFields alert={alert} form={form} shut={shut} />
    ) : (
      <NoteFields alert={alert} form={form} shut={shut} />
    );
  const submit = (event: Event) => {
    event.preventDefault();
    if (!shut) send(alert, form);
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    onCancel();
  };
  return (
    <form ref={root} class="alert-form" aria-label={t(`alerts.${form.verb}`)} onSubmit={submit} onKeyDown={onKey}>
      {parts}
      <button type="button" class="quiet" data-control="cancel" onClick={onCancel}>
        {t("alerts.cancel")}
      </button>
    </form>
  );
}

function send(alert: Alert, form: Form): void {
  const text = form.text.trim();
  if (form.verb === "assign" && text) act({ kind: "assign", alert: alert.id, to: text });
  if (form.verb === "close") act({ kind: "close", alert: alert.id, ...(text && { note: text }) });
  if (form.verb === "note" && text) act({ kind: "note", alert: alert.id, text });
  if (form.verb === "snooze") {
    const for_s = snoozeUntil(form.text, serverNow_ms.value);
    if (typeof for_s === "number") act({ kind: "snooze", alert: alert.id, for_s });
  }
}

type FieldProps = Omit<Props, "onCancel">;

const write = (alert: Alert, form: Form) => (event: { currentTarget: { value: string } }) =>
  setForm(alert.id, { ...form, text: event.currentTarget.value });

function AssignFields({ alert, form, shut }: FieldProps) {
  const mine = me.value?.sub ?? null;
  const names = namesIn(alerts.value).filter((name) => name !== mine);
  const list = `names-${alert.id}`;
  return (
    <>
      <label class="field">
        <span class="label">{t("alerts.assign.to")}</span>
        <input
          data-control="assign-to"
          value={form.text}
          list={list}
          maxLength={NAME_MAX}
          required
          autocomplete="off"
          dir="auto"
          onInput={write(alert, form)}
        />
      </label>
      <datalist id={list}>
        {names.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <button type="submit" class="button" data-control="assign-send" aria-disabled={shut}>
        {t("alerts.assign.send")}
      </button>
      {mine !== null && mine !== alert.owner && (
        <button
          type="button"
          class="quiet"
          data-control="assign-me"
          aria-disabled={shut}
          onClick={() => !shut && act({ kind: "assign", alert: alert.id, to: mine })}
        >
          {t("alerts.assign.me")}
        </button>
      )}
    </>
  );
}

function SnoozeFields({ alert, form, shut }: FieldProps) {
  const tried = useSignal<Refused | null>(null);
  const now_ms = serverNow_ms.value;
  const until = form.text ? snoozeUntil(form.text, now_ms) : null;
  const hint = `until-${alert.id}`;
  return (
    <>
      <div class="snoozes" role="group" aria-label={t("alerts.snooze.for")}>
        {SNOOZES_MIN.map((min) => (
          <button
            key={min}
            type="button"
            class="quiet choice"
            data-control={`snooze-${min}`}
            aria-disabled={shut}
            onClick={() => !shut && act({ kind: "snooze", alert: alert.id, for_s: min * 60 })}
          >
            {duration(min * 60)}
            <span class="label">{t("alerts.snooze.back", { time: timeOfDay(new Date(now_ms + min * 60_000).toISOString()) })}</span>
          </button>
        ))}
      </div>
      <label class="field">
        <span class="label">{t("alerts.snooze.until")}</span>
        <input
          type="time"
          data-control="snooze-until"
          value={form.text}
          required
          aria-describedby={hint}
          onInput={write(alert, form)}
        />
      </label>
      <button
        type="submit"
        class="button"
        data-control="snooze-send"
        aria-disabled={shut}
        onClick={() => (tried.value = typeof until === "string" ? until : null)}
      >
        {t("alerts.snooze.send")}
      </button>
      <p class="label form-hint" id={hint}>
        {typeof until === "number" && t("alerts.snooze.in", { duration: roughly(until) })}
      </p>
      <p class="alert-problem form-hint" role="status">
        {typeof until === "string" && tried.value && t(`alerts.snooze.${until}`)}
      </p>
    </>
  );
}

function NoteFields({ alert, form, shut }: FieldProps) {
  const close = form.verb === "close";
  const left = NOTE_MAX - [...form.text].length;
  const text = form.text.trim();
  const withNote = !close && verbsFor(alert).includes("acknowledge");
  return (
    <>
      <label class="field">
        <span class="label">{t(close ? "alerts.close.note" : "alerts.note.text")}</span>
        <textarea
          rows={3}
          maxLength={NOTE_MAX}
          data-control="note-text"
          required={!close}
          dir="auto"
          value={form.text}
          onInput={write(alert, form)}
        />
      </label>
      {left <= 60 && <p class="label form-hint">{t("alerts.note.left", { count: left })}</p>}
      <button type="submit" class="button" data-control="note-send" aria-disabled={shut}>
        {t(close ? "alerts.close.send" : "alerts.note.send")}
      </button>
      {withNote && (
        <button
          type="button"
          class="quiet"
          data-control="note-acknowledge"
          aria-disabled={shut || !text}
          onClick={() => !shut && text && act({ kind: "acknowledge", alert: alert.id, note: text })}
        >
          {t("alerts.note.acknowledge")}
        </button>
      )}
    </>
  );
}
