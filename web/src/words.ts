// Texts come from the page (data-text-… attributes), so that every language lives in one place.

/** Fills `{name}` places of a text. */
export function fill(text: string | undefined, values: Record<string, string | number>): string {
  return (text ?? "").replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** The element with this id, which the template promises. */
export function need<T extends Element = HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (!element) throw new Error(`missing #${id}`);
  return element as unknown as T;
}

/** Sets a text only when it differs, so that nothing is repainted every second for nothing. */
export function put(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** `7 s`, `4 min 05 s`, `2 h 14 min`: the units are the same in French and English. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${String(seconds % 60).padStart(2, "0")} s`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
  return `${Math.floor(minutes / 1440)} ${document.documentElement.lang === "en" ? "d" : "j"}`;
}

/** `00:12:31`. */
export function stopwatch(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number): string => String(n).padStart(2, "0");
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

/** Time of day with seconds in the reader's zone. */
export function clockTime(ms: number, seconds = true): string {
  return new Intl.DateTimeFormat(document.documentElement.lang === "en" ? "en-GB" : "fr-FR", {
    hour: "2-digit",
    minute: "2-digit",
    ...(seconds ? { second: "2-digit" } : {}),
  }).format(ms);
}

/** The reader's time zone, printed beside times. */
export function zone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}
