/**
 * Many tabs, one voice: a thing is told by the first tab that can, and by no other.
 *
 * Web Locks decide between tabs: a claim is a lock that is held, so it ends with its tab and needs no leader who might
 * be frozen or blind. A broadcast tells the others, for when that tab is gone. Without locks the broadcast alone
 * decides, after a short random wait; without either, a tab is alone as far as it knows.
 */

/** Longest that a frozen tab may come late and still find the claim. */
const HELD_MS = 600_000;
/** Two sounds closer than this are one noise. */
const APART_MS = 1500;
const WAIT_MAX_MS = 200;
/** Keys remembered; beyond, the oldest are forgotten. A day of alerts. */
const KNOWN_MAX = 2000;

export interface Once {
  /** Resolves true in one tab only, for each key. */
  claim(key: string): Promise<boolean>;
  /** True unless a tab has just made this kind of noise. */
  silence(kind: string): Promise<boolean>;
}

export function createOnce(
  locks: LockManager | undefined,
  channel: BroadcastChannel | undefined,
  random: () => number = Math.random,
): Once {
  const known = new Set<string>();
  const learn = (key: string) => {
    known.add(key);
    if (known.size > KNOWN_MAX) known.delete(known.values().next().value ?? "");
  };
  if (channel) channel.onmessage = ({ data }: MessageEvent<unknown>) => learn(String(data));

  const take = async (name: string, for_ms: number): Promise<boolean> => {
    if (!locks) {
      await new Promise((done) => setTimeout(done, random() * WAIT_MAX_MS));
      if (known.has(name)) return false;
      learn(name);
      channel?.postMessage(name);
      setTimeout(() => known.delete(name), for_ms);
      return true;
    }
    return new Promise((answer) => {
      const held = (lock: Lock | null) => {
        answer(lock !== null);
        return lock ? new Promise<void>((done) => setTimeout(done, for_ms)) : undefined;
      };
      locks.request(`strainwatch ${name}`, { ifAvailable: true }, held).catch(() => answer(true));
    });
  };

  return {
    async claim(key) {
      if (known.has(key)) return false;
      const mine = await take(key, HELD_MS);
      if (mine && locks && known.has(key)) return false;
      learn(key);
      if (mine && locks) channel?.postMessage(key);
      return mine;
    },
    silence: (kind) => take(`noise ${kind}`, APART_MS),
  };
}
