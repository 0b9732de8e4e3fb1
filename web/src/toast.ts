// Messages about an action: beside the page, said once in its live region, gone after a while unless they are errors.
//
// The server sends one with `HX-Trigger: {"toast": {"kind": "success", "text": "…"}}`, a module calls `toast`, and the
// notice that a redirect leads to becomes one. Without script that notice stays where it is.
import { announce } from "./announce";

/** How good the news is. */
export type ToastKind = "success" | "info" | "warning" | "error";

const KINDS: readonly string[] = ["success", "info", "warning", "error"];
/** The shortest time a message stays; a long one stays as long as it takes to read. */
const LEAST_MS = 6_000;
const PER_CHARACTER_MS = 70;
const TICK_MS = 250;
/** More than this many would cover the page: the oldest goes. */
const MOST = 4;

/** Shows a message. */
export function toast(kind: ToastKind, text: string): void {
  document.dispatchEvent(new CustomEvent("toast", { detail: { kind, text } }));
}

/** Wires the page's place for messages. */
export function startToasts(): void {
  const place = document.getElementById("toasts");
  const shape = document.getElementById("toast-shape");
  if (!place || !(shape instanceof HTMLTemplateElement)) return;
  const toasts = new Toasts(place, shape);
  // htmx fires what HX-Trigger names on the element that asked, from where it rises to the document.
  document.addEventListener("toast", (event) => {
    const { kind, text } = (event as CustomEvent<{ kind?: string; text?: string }>).detail;
    if (text) toasts.show(KINDS.includes(kind ?? "") ? (kind as ToastKind) : "info", text);
  });
  const notice = document.querySelector<HTMLElement>("[data-notice]");
  if (!notice) return;
  toast((notice.dataset.notice ?? "success") as ToastKind, notice.textContent?.trim() ?? "");
  notice.remove();
}

class Toasts {
  /** Where the focus was before it came into a message: it goes back there when the message is closed. */
  private cameFrom: HTMLElement | null = null;

  constructor(
    private readonly place: HTMLElement,
    private readonly shape: HTMLTemplateElement,
  ) {
    place.addEventListener("focusin", (event) => {
      if (!place.contains(event.relatedTarget as Node | null)) this.cameFrom = event.relatedTarget as HTMLElement | null;
    });
    place.addEventListener("click", (event) => this.pressed(event, (event.target as Element).closest(".toast-close")));
    place.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.pressed(event, event.target as Element);
    });
  }

  show(kind: ToastKind, text: string): void {
    const item = (this.shape.content.cloneNode(true) as DocumentFragment).querySelector<HTMLElement>(".toast");
    const words = item?.querySelector(".toast-text");
    if (!item || !words) return;
    item.classList.add(`notice-${kind}`);
    for (const icon of item.querySelectorAll<HTMLElement>("[data-kind]")) icon.hidden = icon.dataset.kind !== kind;
    words.textContent = text;
    this.place.hidden = false;
    this.place.append(item);
    const gone = [...this.place.children].filter((other) => !other.matches(".notice-error, :focus-within"));
    if (this.place.children.length > MOST && gone[0]) this.close(gone[0]);
    announce(text);
    if (kind !== "error") this.expire(item, Math.max(LEAST_MS, text.length * PER_CHARACTER_MS));
  }

  /** Counts only the time in which the message could be read and nobody is at it. */
  private expire(item: Element, left: number): void {
    const timer = setInterval(() => {
      if (!item.isConnected) clearInterval(timer);
      else if (!this.held()) left -= TICK_MS;
      if (left > 0) return;
      clearInterval(timer);
      this.close(item);
    }, TICK_MS);
  }

  private held(): boolean {
    // A finger leaves :hover behind where it touched last.
    const hovered = matchMedia("(hover: hover)").matches && this.place.matches(":hover");
    return document.hidden || hovered || this.place.matches(":focus-within");
  }

  private pressed(event: Event, at: Element | null): void {
    const item = at?.closest(".toast");
    if (!item) return;
    event.stopPropagation();
    this.close(item);
  }

  private close(item: Element): void {
    const focused = item.contains(document.activeElement);
    item.remove();
    this.place.hidden = this.place.childElementCount === 0;
    if (!focused) return;
    const next = this.place.querySelector<HTMLElement>(".toast-close");
    const back = this.cameFrom?.isConnected ? this.cameFrom : document.getElementById("main");
    (next ?? back)?.focus();
  }
}
