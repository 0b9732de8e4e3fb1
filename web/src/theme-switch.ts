// The light / dark / system buttons of the account menu.

/** Wires every theme switch of the page and shows it (without script it would do nothing, so it starts hidden). */
export function startThemeSwitch(): void {
  for (const group of document.querySelectorAll<HTMLElement>("[data-theme-switch]")) {
    group.hidden = false;
    group.addEventListener("click", (event) => {
      const button = (event.target as Element).closest<HTMLElement>("[data-mode]");
      if (button) choose(button.dataset.mode ?? "system");
    });
  }
  show();
}

function choose(mode: string): void {
  try {
    if (mode === "system") localStorage.removeItem("theme");
    else localStorage.setItem("theme", mode);
  } catch {
    // Storage may be refused; then the choice cannot be kept.
  }
  dispatchEvent(new Event("theme:changed"));
  show();
}

function show(): void {
  const mode = document.documentElement.dataset.mode ?? "system";
  for (const button of document.querySelectorAll<HTMLElement>("[data-theme-switch] [data-mode]")) {
    button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
  }
}
