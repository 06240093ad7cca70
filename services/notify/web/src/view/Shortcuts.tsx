/** The list of keys, and the switch to do without them. */
import { change, prefs } from "../attention/prefs";
import { t } from "../text/text";
import { DETAILS_KEY, FIND_KEY, KEYS, shortcutsShown } from "./alertKeys";
import { Dialog } from "./Dialog";

export function Shortcuts() {
  if (!shortcutsShown.value) return null;
  const atAlert = [...Object.entries(KEYS), [DETAILS_KEY, "details"] as const];
  return (
    <Dialog title={t("shortcuts.title")} onClose={() => (shortcutsShown.value = false)}>
      <dl class="keys">
        <Key keys={["j", "k"]} words={t("shortcuts.move")} />
        <Key keys={[FIND_KEY]} words={t("find.label")} />
        <Key keys={["?"]} words={t("shortcuts.list")} />
      </dl>
      <h3 class="group">{t("shortcuts.at")}</h3>
      <dl class="keys">
        {atAlert.map(([key, verb]) => (
          <Key key={key} keys={[key]} words={verb === "details" ? t("shortcuts.details") : t(`alerts.${verb}`)} />
        ))}
        <Key keys={["Esc"]} words={t("shortcuts.escape")} />
      </dl>
      <label class="switch">
        <input
          type="checkbox"
          checked={prefs.value.shortcuts}
          onChange={(event) => change({ shortcuts: event.currentTarget.checked })}
        />
        <span>{t("shortcuts.on")}</span>
      </label>
    </Dialog>
  );
}

function Key({ keys, words }: { keys: readonly string[]; words: string }) {
  return (
    <div class="key">
      <dt>
        {keys.map((key) => (
          <kbd key={key}>{key}</kbd>
        ))}
      </dt>
      <dd>{words}</dd>
    </div>
  );
}
