// Regions with data-refresh (lists that show presence and temperatures) reload themselves while the page is looked at.
// When that fails, the region says so: figures that are not renewed must not look live. Any other request that fails
// says so in a toast: an error never looks like an empty result.
import { announce } from "./announce";
import { toast } from "./toast";

const EVERY_MS = 10_000;

/** Starts the refreshing and htmx's reporting of results. */
export function startRefresh(): void {
  setInterval(() => {
    if (document.hidden) return;
    for (const region of document.querySelectorAll("[data-refresh]")) region.dispatchEvent(new Event("refresh"));
  }, EVERY_MS);
  document.addEventListener("htmx:beforeSwap", leaveWhenSentElsewhere);
  document.addEventListener("htmx:sendError", sayFailure);
  document.addEventListener("htmx:responseError", sayFailure);
  document.addEventListener("htmx:afterSettle", sayResult);
}

interface HtmxEvent {
  detail: { xhr?: XMLHttpRequest; elt?: Element; requestConfig?: { path?: string } };
}

/** A fragment request that ended on another page (sign-in, for instance) must not be swapped into this one. */
function leaveWhenSentElsewhere(event: Event): void {
  const { xhr, requestConfig } = (event as unknown as HtmxEvent).detail;
  if (!xhr?.responseURL || !requestConfig?.path) return;
  const asked = new URL(requestConfig.path, location.href).pathname;
  if (new URL(xhr.responseURL).pathname === asked) return;
  event.preventDefault();
  location.reload();
}

function sayFailure(event: Event): void {
  const region = (event.target as Element | null)?.closest("[data-refresh]");
  const note = region?.querySelector<HTMLElement>("[data-stale-note]");
  if (!region) toast("error", document.getElementById("toasts")?.dataset.textFailed ?? "");
  if (!note || !note.hidden) return;
  note.hidden = false;
  announce(note.textContent ?? "");
}

/** After a filter the number of results is said; the focus stays in the form, where the person is still working. */
function sayResult(event: Event): void {
  const { elt } = (event as unknown as HtmxEvent).detail;
  const heading = elt?.querySelector("[data-result]");
  if (heading?.textContent) announce(heading.textContent);
}
