// Passkeys: a form with data-passkey asks the browser for one, puts the answer into its field and is then sent like any
// other form. Such forms are hidden until it is known that the browser can; else a sentence says that it cannot.

interface Asked {
  publicKey: PublicKeyCredentialCreationOptionsJSON & PublicKeyCredentialRequestOptionsJSON;
  challengeToken: string | null;
}

/** Shows what works here, and intercepts the forms. */
export function startPasskeys(): void {
  const able = typeof PublicKeyCredential === "function" && "parseRequestOptionsFromJSON" in PublicKeyCredential;
  for (const element of document.querySelectorAll<HTMLElement>(able ? "form[data-passkey]" : "[data-passkey-unable]")) {
    element.hidden = false;
  }
  document.addEventListener("submit", (event) => {
    const form = event.target as HTMLFormElement;
    if (!form.dataset.passkey || field(form, "credential").value) return;
    event.preventDefault();
    void ask(form, event.submitter);
  });
  // Coming back with the browser's Back button must ask again: an answer is good once.
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll<HTMLFormElement>("form[data-passkey]")) field(form, "credential").value = "";
  });
}

async function ask(form: HTMLFormElement, submitter: HTMLElement | null): Promise<void> {
  const failed = form.querySelector<HTMLElement>("[data-passkey-failed]");
  if (failed) failed.hidden = true;
  submitter?.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(form.dataset.passkeyOptions ?? "", { method: "POST", headers: { accept: "application/json" } });
    // The server wants a proof, or a new sign-in, first: it says where.
    if (answer.redirected) return location.assign(answer.url);
    if (!answer.ok) throw new Error(String(answer.status));
    const asked = (await answer.json()) as Asked;
    const credential = await touched(form.dataset.passkey ?? "", asked);
    const challenge = form.querySelector<HTMLInputElement>("[name=challenge]");
    if (challenge) challenge.value = asked.challengeToken ?? "";
    field(form, "credential").value = JSON.stringify(credential);
    form.requestSubmit(submitter);
  } catch {
    // Dismissed, timed out, refused by the key: the browser tells no more than that, on purpose.
    if (failed) failed.hidden = false;
    failed?.focus();
  } finally {
    submitter?.removeAttribute("aria-busy");
  }
}

async function touched(what: string, { publicKey }: Asked): Promise<unknown> {
  const credential =
    what === "create"
      ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) })
      : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) });
  if (!(credential instanceof PublicKeyCredential)) throw new Error("no credential");
  return credential.toJSON();
}

function field(form: HTMLFormElement, name: string): HTMLInputElement {
  return form.elements.namedItem(name) as HTMLInputElement;
}
