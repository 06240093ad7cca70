/** Gentle sounds, made on the spot: soft sines that swell and fade, higher and once more when it is critical. */
import { signal } from "@preact/signals";
import type { Severity } from "../contract";

interface Tone {
  at_s: number;
  hz: number;
  for_s: number;
}

/** Two notes a fourth apart for most; critical ones three, and again. Nothing piercing: it is heard all day. */
export const TUNES: Record<Severity, readonly Tone[]> = {
  notice: [{ at_s: 0, hz: 523.25, for_s: 0.5 }],
  warning: [{ at_s: 0, hz: 523.25, for_s: 0.45 }, { at_s: 0.18, hz: 698.46, for_s: 0.6 }],
  critical: [0, 0.75].flatMap((at_s) => [
    { at_s, hz: 659.25, for_s: 0.4 },
    { at_s: at_s + 0.16, hz: 783.99, for_s: 0.4 },
    { at_s: at_s + 0.32, hz: 1046.5, for_s: 0.55 },
  ]),
};

/** At full volume; below what starts to distort when notes overlap. */
const GAIN_MAX = 0.35;
const SWELL_S = 0.03;

let context: AudioContext | null = null;

/** Whether this tab may sound: browsers let it only after a click or a key in it. */
export const audible = signal(false);

/** To be called from a click or a key: only then browsers say yes. */
export async function allowSound(): Promise<boolean> {
  try {
    context ??= new AudioContext();
    context.onstatechange = () => (audible.value = context?.state === "running");
    await context.resume();
  } catch {
    return false; // no sound device, or none for pages
  }
  audible.value = context.state === "running";
  return audible.value;
}

export function play(severity: Severity, volume: number): void {
  if (!context || context.state !== "running") return;
  const begin_s = context.currentTime + 0.02;
  for (const tone of TUNES[severity]) {
    const oscillator = new OscillatorNode(context, { type: "sine", frequency: tone.hz });
    const gain = new GainNode(context, { gain: 0 });
    const at_s = begin_s + tone.at_s;
    gain.gain.setValueAtTime(0, at_s);
    gain.gain.linearRampToValueAtTime(GAIN_MAX * volume * volume, at_s + SWELL_S); // ears count in squares
    gain.gain.exponentialRampToValueAtTime(0.0001, at_s + tone.for_s);
    oscillator.connect(gain).connect(context.destination);
    oscillator.start(at_s);
    oscillator.stop(at_s + tone.for_s);
  }
}
