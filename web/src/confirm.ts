// Forms with data-confirm-title ask first, in the page's one dialog. Without script they are sent at once.
//
// A modal <dialog> keeps the focus inside and everything else out of reach, Escape refuses, and the first thing that
// has the focus is the button that changes nothing.

/** Intercepts the submit of every form that wants to be confirmed. */
export function startConfirm(): void {
  document.addEventListener(
    "submit",
    (event) => {
      const form = event.target as HTMLFormElement;
      if (!form.dataset.confirmTitle || form.dataset.confirmed) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      ask(form, event.submitter);
    },
    true,
  );
  // Coming back with the browser's Back button must ask again.
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll<HTMLFormElement>("form[data-confirmed]")) delete form.dataset.confirmed;
  });
}

function ask(form: HTMLFormElement, submitter: HTMLElement | null): void {
  const dialog = document.getElementById("confirm") as HTMLDialogElement;
  const yes = document.getElementById("confirm-yes") as HTMLButtonElement;
  setText("confirm-title", form.dataset.confirmTitle);
  setText("confirm-text", form.dataset.confirmText);
  yes.textContent = form.dataset.confirmYes ?? "";
  if (form.dataset.confirmTone === "stop") yes.dataset.variant = "destructive";
  else delete yes.dataset.variant;
  dialog.returnValue = "no";
  dialog.addEventListener(
    "close",
    () => {
      if (dialog.returnValue === "yes") {
        form.dataset.confirmed = "true";
        form.requestSubmit(submitter);
        // Where the answer replaces only a part of the page, the same form must ask again.
        delete form.dataset.confirmed;
      } else submitter?.focus();
    },
    { once: true },
  );
  dialog.showModal();
}

function setText(id: string, text = ""): void {
  const element = document.getElementById(id);
  if (element) element.textContent = text;
}
