// Slow networks: a form is sent once, its button says that it is under way, and so does a region that is being renewed.

/** A form whose answer never came (a download, for instance) may be sent again after this long. */
const AGAIN_MS = 10_000;

/** Watches forms and htmx requests. */
export function startBusy(): void {
  // On the window, hence last: whoever handles a submit without leaving the page has said so by then.
  addEventListener("submit", send);
  // Coming back with the browser's Back button finds the page as it was left.
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll<HTMLFormElement>("form[data-sent]")) release(form);
  });
  document.addEventListener("htmx:beforeRequest", (event) => mark(event, true));
  document.addEventListener("htmx:afterRequest", (event) => mark(event, false));
}

function send(event: SubmitEvent): void {
  const form = event.target as HTMLFormElement;
  if (event.defaultPrevented || form.method === "dialog") return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "true";
  event.submitter?.setAttribute("aria-busy", "true");
  setTimeout(() => release(form), AGAIN_MS);
}

function release(form: HTMLFormElement): void {
  delete form.dataset.sent;
  for (const button of form.querySelectorAll("button[aria-busy]")) button.removeAttribute("aria-busy");
}

function mark(event: Event, busy: boolean): void {
  const target = (event as CustomEvent<{ target?: Element }>).detail.target;
  if (busy) target?.setAttribute("aria-busy", "true");
  else target?.removeAttribute("aria-busy");
}
