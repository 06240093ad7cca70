/** How this person wants to be told: a button that says how it is now, and the few settings behind it. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { allowDesktop, permission } from "../attention/desktop";
import { change, isQuietAt, prefs, type Prefs } from "../attention/prefs";
import { allowSound, audible, play } from "../attention/sound";
import { now_ms } from "../store/store";
import { t, type Key } from "../text/text";
import { Dialog } from "./Dialog";

function stateNow(): Key {
  const { sound, desktop } = prefs.value;
  if (!sound && !(desktop && permission.value === "granted")) return "told.off";
  void now_ms.value; // quiet hours begin by themselves
  if (isQuietAt(prefs.value, new Date())) return "told.quiet";
  if (!sound) return "told.desktop.only";
  return audible.value ? "told.on" : "told.click";
}

export function HowToBeTold() {
  const open = useSignal(false);
  const state = stateNow();
  return (
    <>
      <button
        type="button"
        class="quiet told-button"
        aria-haspopup="dialog"
        aria-label={t("told.button", { state: t(state) })}
        data-told={state}
        onClick={() => (open.value = true)}
      >
        <Bell off={state === "told.off" || state === "told.quiet"} />
        <span class="told-word">{t(state)}</span>
      </button>
      {open.value && <Settings onClose={() => (open.value = false)} />}
    </>
  );
}

function Settings({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title={t("told.title")} class="told" onClose={onClose}>
      <p class="hint">{t("told.about")}</p>
      <Sound />
      <Desktop />
      <Quiet />
      <p class="hint">{t("told.always")}</p>
    </Dialog>
  );
}

function Switch({ of, words, children, onChange }: { of: keyof Prefs; words: string; children?: ComponentChildren; onChange?: (on: boolean) => void }) {
  return (
    <div class="told-part">
      <label class="switch">
        <input
          type="checkbox"
          data-pref={of}
          checked={Boolean(prefs.value[of])}
          onChange={(event) => {
            const on = event.currentTarget.checked;
            change({ [of]: on });
            onChange?.(on);
          }}
        />
        <span>{words}</span>
      </label>
      {children}
    </div>
  );
}

function Sound() {
  const { sound, volume } = prefs.value;
  const asked = async (on: boolean) => {
    if (on && (await allowSound())) play("warning", prefs.value.volume);
  };
  return (
    <Switch of="sound" words={t("told.sound")} onChange={(on) => void asked(on)}>
      {sound && !audible.value && <p class="alert-problem">{t("told.sound.blocked")}</p>}
      {sound && (
        <div class="told-more">
          <label class="field">
            <span class="label">{t("told.volume")}</span>
            <input
              type="range"
              min="0.1"
              max="1"
              step="0.1"
              value={volume}
              onInput={(event) => change({ volume: Number(event.currentTarget.value) })}
            />
          </label>
          <div class="told-try">
            {(["warning", "critical"] as const).map((severity) => (
              <button
                key={severity}
                type="button"
                class="quiet choice"
                onClick={() => void allowSound().then(() => play(severity, volume))}
              >
                {t(`told.try.${severity}`)}
              </button>
            ))}
          </div>
        </div>
      )}
    </Switch>
  );
}

function Desktop() {
  if (permission.value === "absent") return <p class="hint">{t("told.desktop.absent")}</p>;
  const asked = async (on: boolean) => {
    if (on && !(await allowDesktop()) && permission.value === "default") change({ desktop: false });
  };
  return (
    <Switch of="desktop" words={t("told.desktop")} onChange={(on) => void asked(on)}>
      {prefs.value.desktop && permission.value === "denied" && <p class="alert-problem">{t("told.desktop.denied")}</p>}
      <p class="hint">{t("told.desktop.about")}</p>
    </Switch>
  );
}

function Quiet() {
  const { quiet, from, to } = prefs.value;
  return (
    <Switch of="quiet" words={t("told.quiet.switch")}>
      {quiet && (
        <div class="told-times">
          <Time of="from" value={from} words={t("told.from")} />
          <Time of="to" value={to} words={t("told.to")} />
        </div>
      )}
    </Switch>
  );
}

function Time({ of, value, words }: { of: "from" | "to"; value: string; words: string }) {
  return (
    <label class="field">
      <span class="label">{words}</span>
      <input
        type="time"
        data-pref={of}
        value={value}
        required
        onChange={(event) => event.currentTarget.value && change({ [of]: event.currentTarget.value })}
      />
    </label>
  );
}

function Bell({ off }: { off: boolean }) {
  return (
    <svg class="bell" viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
      <path d="M10 2.5a5 5 0 0 0-5 5v3.2L3.5 14h13L15 10.7V7.5a5 5 0 0 0-5-5z" />
      <path d="M8 16.5a2 2 0 0 0 4 0" />
      {off && <path d="M3 3l14 14" />}
    </svg>
  );
}
