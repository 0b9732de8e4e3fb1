// The page has one live region; everything a screen reader must hear goes through here.

/** Says a text in the page's live region; `urgent` interrupts what is being read. */
export function announce(text: string, urgent = false): void {
  const region = document.getElementById("announcer");
  if (!region) return;
  region.setAttribute("aria-live", urgent ? "assertive" : "polite");
  region.textContent = "";
  // A region that receives the same text twice stays silent unless it was empty in between.
  setTimeout(() => {
    region.textContent = text;
  }, 50);
}
