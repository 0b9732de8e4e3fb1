// Runs before the first paint: applies the kept choice of light or dark, else the system's.
const KEY = "theme";
const html = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");

function apply(): void {
  let mode: string | null = null;
  try {
    mode = localStorage.getItem(KEY);
  } catch {
    // Storage may be refused; the system's choice then stands.
  }
  const isDark = mode === "dark" || (mode !== "light" && dark.matches);
  html.classList.toggle("dark", isDark);
  html.classList.toggle("light", !isDark);
  html.dataset.mode = mode === "dark" || mode === "light" ? mode : "system";
}

apply();
dark.addEventListener("change", apply);
addEventListener("theme:changed", apply);
addEventListener("storage", apply);
