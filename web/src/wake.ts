// Keeps the screen on during a treatment and says whether it succeeded.

/** Asks for the wake lock now and whenever the page is shown again; `tell` hears the outcome. */
export function keepAwake(tell: (awake: boolean) => void): void {
  const ask = async (): Promise<void> => {
    if (document.visibilityState !== "visible") return;
    try {
      const lock = await navigator.wakeLock.request("screen");
      tell(true);
      lock.addEventListener("release", () => tell(false));
    } catch {
      // No such feature, or refused on low battery: the marker says that the screen may sleep.
      tell(false);
    }
  };
  document.addEventListener("visibilitychange", () => void ask());
  void ask();
}
