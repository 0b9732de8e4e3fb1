// The alarm's voice: bursts of tones and vibration, repeated while the alarm may be heard.

const BURSTS = { watch: [660, 660, 660], critical: [880, 880, 880, 1046, 1046] } as const;
const REPEAT_MS = { watch: 15_000, critical: 5_000 } as const;

/** Which voice an alarm has. */
export type Voice = keyof typeof BURSTS;

/** Speaks until told to be silent. */
export class AlarmSound {
  private context: AudioContext | null = null;
  private voice: Voice | null = null;
  private timer: ReturnType<typeof setInterval> | undefined;

  /** `unlock` is shown while the browser refuses sound before a first touch. */
  constructor(
    private readonly device: string,
    private readonly unlock: HTMLElement,
  ) {
    addEventListener("pointerdown", () => void this.wake());
    addEventListener("keydown", () => void this.wake());
  }

  /** Starts, changes or ends the voice; the same voice again goes on undisturbed. */
  say(voice: Voice | null): void {
    if (voice === this.voice) return;
    this.voice = voice;
    clearInterval(this.timer);
    if (!voice) {
      this.unlock.hidden = true;
      navigator.vibrate?.(0);
      return;
    }
    this.burst(voice);
    this.timer = setInterval(() => this.burst(voice), REPEAT_MS[voice]);
  }

  private burst(voice: Voice): void {
    dispatchEvent(new CustomEvent("alarm:sound", { detail: { device: this.device, level: voice, at: Date.now() } }));
    if (voice === "critical") navigator.vibrate?.([400, 150, 400, 150, 800]);
    this.context ??= new AudioContext();
    void this.wake();
    const context = this.context;
    BURSTS[voice].forEach((pitch, index) => tone(context, pitch, context.currentTime + index * 0.28));
  }

  private async wake(): Promise<void> {
    if (!this.context) return;
    const { context } = this;
    if (context.state === "suspended") {
      this.unlock.hidden = this.voice === null;
      await context.resume();
    }
    this.unlock.hidden = true;
  }
}

function tone(context: AudioContext, pitch: number, at: number): void {
  const oscillator = context.createOscillator();
  const gain = context.createGain();
  oscillator.type = "triangle";
  oscillator.frequency.value = pitch;
  // Soft edges: a tone switched hard clicks.
  gain.gain.setValueAtTime(0, at);
  gain.gain.linearRampToValueAtTime(0.5, at + 0.02);
  gain.gain.setValueAtTime(0.5, at + 0.16);
  gain.gain.linearRampToValueAtTime(0, at + 0.2);
  oscillator.connect(gain).connect(context.destination);
  oscillator.start(at);
  oscillator.stop(at + 0.22);
}
