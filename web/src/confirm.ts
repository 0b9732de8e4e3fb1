// Forms with data-confirm-title ask first, in the page's one dialog. Without script they are sent at once.

/** Intercepts the submit of every form that wants to be confirmed. */
export function startConfirm(): void {
  document.addEventListener(
    "submit",
    (event) => {
      const form = event.target as HTMLFormElement;
      if (!form.dataset.confirmTitle || form.dataset.confirmed) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      ask(form);
    },
    true,
  );
  // Coming back with the browser's Back button must ask again.
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll<HTMLFormElement>("form[data-confirmed]")) delete form.dataset.confirmed;
  });
}

function ask(form: HTMLFormElement): void {
  const dialog = document.getElementById("confirm") as HTMLDialogElement;
  const yes = document.getElementById("confirm-yes") as HTMLButtonElement;
  setText("confirm-title", form.dataset.confirmTitle);
  setText("confirm-text", form.dataset.confirmText);
  yes.textContent = form.dataset.confirmYes ?? "";
  yes.classList.toggle("btn-danger", form.dataset.confirmTone === "stop");
  dialog.returnValue = "no";
  dialog.addEventListener(
    "close",
    () => {
      if (dialog.returnValue !== "yes") return;
      form.dataset.confirmed = "true";
      form.requestSubmit();
    },
    { once: true },
  );
  dialog.showModal();
}

function setText(id: string, text = ""): void {
  const element = document.getElementById(id);
  if (element) element.textContent = text;
}
