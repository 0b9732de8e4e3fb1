// Passkeys in a real browser with a virtual authenticator, from registering to signing in: node web/tests/passkeys.mjs
//
// BASE says which server, EMAIL and PASSWORD who, SHOTS where pictures go, SOCLE_CHROMIUM is the browser.
import { join } from "node:path";
import { chromium } from "playwright-core";
import { View } from "./looking-glass.mjs";

const { BASE, EMAIL, PASSWORD, SHOTS } = process.env;
const AT = "/physiotraq";
/** A telephone that verifies its owner and keeps its keys. */
const TELEPHONE = {
  protocol: "ctap2",
  transport: "internal",
  hasResidentKey: true,
  hasUserVerification: true,
  isUserVerified: true,
  automaticPresenceSimulation: true,
};

function check(holds, message) {
  if (!holds) throw new Error(message);
}

async function step(name, work) {
  const began = Date.now();
  await work();
  console.log(`ok   ${name} (${((Date.now() - began) / 1_000).toFixed(1)} s)`);
}

const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
const browser = await chromium.launch({ executablePath: process.env.SOCLE_CHROMIUM || "/usr/bin/chromium", args: flags });
const view = await new View({ lang: "fr", size: "desktop", mode: "light", base: BASE, shots: SHOTS }).open(browser);
const { page } = view;
const telephone = await view.context.newCDPSession(page);
await telephone.send("WebAuthn.enable");
const { authenticatorId } = await telephone.send("WebAuthn.addVirtualAuthenticator", { options: TELEPHONE });
let codes = [];

async function register() {
  await view.signIn(EMAIL, PASSWORD);
  await view.go(`${AT}/account/factors`);
  const form = page.locator('form[data-passkey="create"]');
  await form.waitFor();
  await view.look("factors-none");
  await page.fill("#name", "Téléphone");
  await form.locator("[type=submit]").click();
  await page.waitForSelector("#recovery-codes");
  codes = await page.locator("#recovery-codes code").allTextContents();
  check(codes.length === 10, `${codes.length} recovery codes`);
  await view.look("factors-codes");
  await view.go(`${AT}/account/factors`);
  check((await page.textContent("#passkeys")).includes("Téléphone"), "the passkey is not in the list");
  await view.look("factors-passkey");
}

async function signOut() {
  await page.click("details.account summary");
  await Promise.all([page.waitForURL("**/sign_in*"), page.click('form[action$="/sign_out"] button')]);
}

async function secondFactor() {
  await signOut();
  await page.fill("#email", EMAIL);
  await page.fill("#password", PASSWORD);
  await Promise.all([page.waitForURL("**/sign_in/second_factor*"), page.click('form[action$="/sign_in"] [type=submit]')]);
  await view.look("factors-second-step");
  const form = page.locator('form[data-passkey="get"]');
  await Promise.all([page.waitForURL(`**${AT}/app`), form.locator("[type=submit]").click()]);
}

async function alone() {
  await signOut();
  const form = page.locator('form[data-passkey="get"]');
  await form.waitFor();
  await view.look("factors-sign-in");
  await Promise.all([page.waitForURL(`**${AT}/app`), form.locator("[type=submit]").click()]);
}

async function copied() {
  await signOut();
  const { credentials } = await telephone.send("WebAuthn.getCredentials", { authenticatorId });
  const [credential] = credentials;
  check(credentials.length === 1 && credential.signCount > 1, `signed ${credential?.signCount} times`);
  await telephone.send("WebAuthn.removeCredential", { authenticatorId, credentialId: credential.credentialId });
  await telephone.send("WebAuthn.addCredential", { authenticatorId, credential: { ...credential, signCount: 0 } });
  view.expected = /\/sign_in\/passkey$/;
  await page.locator('form[data-passkey="get"] [type=submit]').click();
  await page.waitForSelector("#sign-in-error");
  view.expected = undefined;
  await view.look("factors-refused");
}

async function dismissed() {
  await telephone.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: false });
  await view.go(`${AT}/sign_in`);
  await page.locator('form[data-passkey="get"] [type=submit]').click();
  await page.locator('form[data-passkey="get"] [data-passkey-failed]:not([hidden])').waitFor();
  check(page.url().endsWith(`${AT}/sign_in`), "the page was left");
}

async function withoutScript() {
  const context = await browser.newContext({ javaScriptEnabled: false, locale: "en-GB" });
  const plain = await context.newPage();
  await plain.goto(`${BASE}${AT}/sign_in`);
  check(!(await plain.isVisible("form[data-passkey]")), "without script there is no button that does nothing");
  await plain.fill("#email", EMAIL);
  await plain.fill("#password", PASSWORD);
  await plain.click('form[action$="/sign_in"] [type=submit]');
  await plain.waitForURL("**/sign_in/second_factor*");
  check((await plain.textContent("#credential")).includes("JavaScript"), "the page does not say what passkeys need");
  await plain.fill("#recovery_code", codes[0]);
  await plain.click("form:has(#recovery_code) [type=submit]");
  await plain.waitForURL(`**${AT}/app`);
  await plain.goto(`${BASE}${AT}/account/factors`);
  check(await plain.isVisible("noscript p"), "the page does not say what passkeys need");
  await context.close();
}

try {
  await step("a passkey is registered", register);
  await step("it is a second factor", secondFactor);
  await step("it signs in alone", alone);
  await step("a copy that signed less often is refused", copied);
  await step("a failed verification is told", dismissed);
  await step("without script a code does", withoutScript);
  check(view.problems.length === 0, view.problems.join("\n"));
} catch (error) {
  await page.screenshot({ path: join(SHOTS, "failure.png") }).catch(() => undefined);
  throw error;
} finally {
  await browser.close();
}
