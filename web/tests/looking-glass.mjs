// A browser page that is watched: what it must never do is noted, how it looks is kept, and how accessible it is is
// measured. One per view: language, size, light or dark.
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const SIZES = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
};

/** Runs in every page before its own scripts. */
function listen() {
  window.violations = [];
  window.sounds = [];
  document.addEventListener("securitypolicyviolation", (event) => {
    window.violations.push(`${event.violatedDirective} ${event.blockedURI}`);
  });
  window.addEventListener("alarm:sound", (event) => window.sounds.push({ ...event.detail }));
}

export class View {
  problems = [];

  constructor({ lang, size, mode, base, shots }) {
    Object.assign(this, { lang, size, mode, base, shots });
    this.name = `${lang}-${size}-${mode}`;
    mkdirSync(shots, { recursive: true });
  }

  async open(browser) {
    this.context = await browser.newContext({
      ...SIZES[this.size],
      locale: this.lang === "en" ? "en-GB" : "fr-FR",
      timezoneId: "Europe/Paris",
      colorScheme: this.mode,
      reducedMotion: "reduce",
      acceptDownloads: true,
    });
    this.context.setDefaultTimeout(30_000);
    await this.context.addInitScript(listen);
    this.page = await this.context.newPage();
    this.page.on("pageerror", (error) => this.problems.push(`script error: ${error.message}`));
    this.page.on("console", (message) => this.#hear(message));
    this.page.on("response", (answer) => {
      const here = new URL(answer.url()).pathname;
      if (answer.status() >= 400 && !this.expected?.test(here)) this.problems.push(`${answer.status()} ${here}`);
    });
    this.page.on("request", (request) => {
      const { protocol, origin } = new URL(request.url());
      if (protocol.startsWith("http") && origin !== this.base) this.problems.push(`foreign request: ${request.url()}`);
    });
    return this;
  }

  #hear(message) {
    const text = message.text();
    // A failed request is noted by its address, below, where it can be expected.
    const failed = text.startsWith("Failed to load resource") || text.startsWith("Response Status Error Code");
    if (message.type() === "error" && !failed) this.problems.push(`console: ${text}`);
    else if (text.includes("Content Security Policy")) this.problems.push(`console: ${text}`);
  }

  async go(path) {
    await this.page.goto(this.base + path);
  }

  /** Looks at the page as it is: accessibility, policy, width, language; keeps a picture, of all of it or of the screen. */
  async look(what, { fullPage = true } = {}) {
    const { page } = this;
    const fault = (text) => this.problems.push(`${what}: ${text}`);
    for (const violation of await page.evaluate(() => window.violations.splice(0))) fault(`policy: ${violation}`);
    const lang = await page.evaluate(() => document.documentElement.lang);
    if (lang !== this.lang) fault(`the page is in ${lang}`);
    const { wide, width } = await page.evaluate(() => ({
      wide: document.documentElement.scrollWidth,
      width: document.documentElement.clientWidth,
    }));
    if (wide > width) fault(`it is ${wide - width} pixels too wide`);
    const dark = await page.evaluate(() => document.documentElement.classList.contains("dark"));
    if (dark !== (this.mode === "dark")) fault(dark ? "it is dark" : "it is not dark");
    for (const finding of await this.#axe()) fault(`accessibility: ${finding}`);
    await page.screenshot({ path: join(this.shots, `${what}-${this.name}.png`), fullPage });
  }

  /** Serious and critical findings. The source is given to the page by the debugger, so the policy stays as it is. */
  async #axe() {
    await this.page.evaluate(axe);
    return this.page.evaluate(async () => {
      const { violations } = await window.axe.run(document, { resultTypes: ["violations"] });
      const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
      return grave.map(({ id, help, nodes }) => `${id} (${help}): ${nodes.slice(0, 3).map((n) => n.target.join(" ")).join(" | ")}`);
    });
  }

  /** Signs in by the form, and chooses the language in the account's menu. */
  async signIn(email, password) {
    const { page } = this;
    await this.go("/physiotraq/sign_in");
    await this.look("sign-in");
    await page.fill("#email", email);
    await page.fill("#password", password);
    await Promise.all([page.waitForURL("**/physiotraq/app"), page.click("main form [type=submit]")]);
    if ((await page.evaluate(() => document.documentElement.lang)) !== this.lang) {
      await page.click("details.account summary");
      await page.click(`details.account [name=lang][value=${this.lang}]`);
      await page.waitForFunction((lang) => document.documentElement.lang === lang, this.lang);
    }
  }

  close() {
    return this.context.close();
  }
}
