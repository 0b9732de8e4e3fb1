// Every page: htmx under the strict content security policy, confirmation, theme, toasts, refreshing lists.
import htmx from "htmx.org";
import { Idiomorph } from "idiomorph";
import { startBusy } from "./busy";
import { startConfirm } from "./confirm";
import { startPasskeys } from "./passkeys";
import { startRefresh } from "./refresh";
import { startThemeSwitch } from "./theme-switch";
import { startToasts } from "./toast";

htmx.config.includeIndicatorStyles = false;
htmx.config.allowEval = false;
htmx.config.allowScriptTags = false;
htmx.config.selfRequestsOnly = true;
htmx.config.historyCacheSize = 0;

// Morphing keeps focus and open menus where replacing would lose them.
htmx.defineExtension("morph", {
  isInlineSwap: (style: string) => style.startsWith("morph"),
  handleSwap: (style: string, target: Node, fragment: Node) => {
    if (!style.startsWith("morph")) return false;
    const children = fragment instanceof DocumentFragment ? [...fragment.children] : [fragment];
    return Idiomorph.morph(target as Element, children as Element[], { morphStyle: "outerHTML" }) as Node[];
  },
});
document.body.setAttribute("hx-ext", "morph");

startConfirm();
startPasskeys();
startBusy();
startThemeSwitch();
startRefresh();
startFields();
startToasts();
forgetNotice();

function startFields(): void {
  for (const element of document.querySelectorAll<HTMLElement>("[data-needs-script]")) element.hidden = false;
  // After a refused form the reader is taken to the list of what is wrong.
  document.querySelector<HTMLElement>("[data-focus]")?.focus();
  for (const box of document.querySelectorAll<HTMLInputElement>("[data-hides]")) {
    const target = document.getElementById(box.dataset.hides ?? "");
    const follow = (): void => {
      if (target) target.hidden = box.checked;
    };
    box.addEventListener("change", follow);
    follow();
  }
  document.addEventListener("click", closeMenus);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") closeMenus(event);
  });
}

function closeMenus(event: Event): void {
  for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.account[open], details.menu[open]")) {
    if (event instanceof KeyboardEvent) {
      menu.open = false;
      menu.querySelector("summary")?.focus();
    } else if (!menu.contains(event.target as Node)) menu.open = false;
  }
}

/** The name of the former action's outcome leaves the address, so that a reload does not repeat it. */
function forgetNotice(): void {
  const address = new URL(location.href);
  if (!address.searchParams.has("notice")) return;
  address.searchParams.delete("notice");
  history.replaceState(history.state, "", address);
}
