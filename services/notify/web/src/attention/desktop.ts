/** Notifications of the desktop: one for all alerts, replaced and not stacked, and only while no tab of the page is seen. */
import { signal } from "@preact/signals";

export type Permission = "granted" | "denied" | "default" | "absent";

const permissionNow = (): Permission => (typeof Notification === "undefined" ? "absent" : Notification.permission);

export const permission = signal<Permission>(permissionNow());

/** To be called from a click. */
export async function allowDesktop(): Promise<boolean> {
  if (permissionNow() === "default") await Notification.requestPermission();
  permission.value = permissionNow();
  return permission.value === "granted";
}

const SEEN = "strainwatch seen";

/** Holds a shared lock for as long as this tab is seen, so that a hidden one knows. */
export function tellSeen(locks: LockManager | undefined): void {
  if (!locks) return;
  let leave: (() => void) | undefined;
  const follow = () => {
    leave?.();
    leave = undefined;
    if (document.hidden) return;
    const left = new Promise<void>((done) => (leave = done));
    locks.request(SEEN, { mode: "shared" }, () => left).catch(() => undefined);
  };
  document.addEventListener("visibilitychange", follow);
  follow();
}

/** Whether any tab of the page is seen now. */
export async function isSeen(locks: LockManager | undefined): Promise<boolean> {
  if (!document.hidden) return true;
  const held = (await locks?.query().catch(() => null))?.held ?? [];
  return held.some((lock) => lock.name === SEEN);
}

const shown = new Map<string, Notification>();

/** Shows or replaces the notification of `tag`. A click brings the page and `open` follows. */
export function notify(tag: string, title: string, body: string, lang: string, open: () => void): void {
  if (permissionNow() !== "granted") return;
  try {
    // Its own sound is off, as this page has one; `renotify`, or what replaces would come unseen.
    const options = { body, tag: `strainwatch ${tag}`, lang, silent: true, renotify: true };
    const told = new Notification(title, options);
    told.onclick = () => {
      window.focus();
      open();
      told.close();
    };
    shown.set(tag, told);
  } catch {
    permission.value = "absent"; // some phones have the name and not the thing
  }
}

/** What has been dealt with leaves the desktop too. */
export function withdraw(tag: string): void {
  shown.get(tag)?.close();
  shown.delete(tag);
}
