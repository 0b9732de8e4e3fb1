// The page of every component: its buttons show toasts by the same event that the server's HX-Trigger fires.

document.addEventListener("click", (event) => {
  const button = (event.target as Element).closest<HTMLElement>("[data-toast-kind]");
  if (!button) return;
  const detail = { kind: button.dataset.toastKind, text: button.dataset.toastText };
  button.dispatchEvent(new CustomEvent("toast", { bubbles: true, detail }));
});
