// Every component in a real browser, in every theme, light and dark, in both languages: node web/tests/components.mjs
//
// BASE says which server, SHOTS where pictures go, SOCLE_CHROMIUM is the browser (else `chromium`).
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { View } from "./looking-glass.mjs";

const { BASE, SHOTS } = process.env;
const PAGE = "/platform/dev/components";
const STYLES = join(dirname(fileURLToPath(import.meta.url)), "../styles/themes");
const THEMES = readdirSync(STYLES).map((file) => file.replace(".css", ""));
/** How long a message stays at least. */
const STAYS_MS = 6_000;

const problems = [];

function check(holds, message) {
  if (!holds) throw new Error(message);
}

async function step(name, work) {
  const began = Date.now();
  await work();
  console.log(`ok   ${name} (${((Date.now() - began) / 1_000).toFixed(1)} s)`);
}

/** A fresh view; what was wrong in it is kept. */
async function within(browser, options, work) {
  const view = await new View({ lang: "fr", size: "desktop", mode: "light", ...options, base: BASE, shots: SHOTS }).open(browser);
  try {
    await work(view, view.page);
  } catch (error) {
    await view.page.screenshot({ path: join(SHOTS, "failure.png") }).catch(() => undefined);
    throw error;
  } finally {
    problems.push(...view.problems.map((problem) => `${view.name}: ${problem}`));
    await view.close();
  }
}

async function looks(browser) {
  for (const size of ["desktop", "phone"]) {
    for (const lang of ["fr", "en"]) {
      for (const mode of ["light", "dark"]) {
        await within(browser, { lang, size, mode }, async (view, page) => {
          for (const theme of size === "phone" ? ["physiotraq"] : THEMES) {
            await view.go(`${PAGE}?theme=${theme}`);
            check((await page.getAttribute("html", "data-theme")) === theme, `the page is not in ${theme}`);
            await view.look(`components-${theme}`);
          }
        });
      }
    }
  }
}

async function toasts(browser) {
  await within(browser, {}, async (view, page) => {
    await view.go(PAGE);
    const button = page.locator('[data-toast-kind="success"]');
    await button.click();
    await page.mouse.move(0, 0);
    const first = page.locator(".toast.notice-success");
    await first.waitFor();
    const said = await first.locator(".toast-text").textContent();
    await page.waitForFunction((text) => document.getElementById("announcer").textContent === text, said);
    const live = await page.locator("[aria-live], [role=status], [role=alert]").count();
    check(live === 1, `the page has ${live} live regions`);
    await page.click('[data-toast-kind="error"]');
    await page.mouse.move(0, 0);
    await view.look("components-toasts", { fullPage: false });
    const began = Date.now();
    await page.click('[data-toast-kind="warning"]');
    await page.mouse.move(0, 0);
    await page.locator(".toast.notice-warning").waitFor({ state: "detached" });
    check(Date.now() - began >= STAYS_MS, "a message was gone before it could be read");
    check((await page.locator(".toast").count()) === 1, "an error stays until it is closed, and nothing else does");
    await page.locator(".toast .toast-close").focus();
    await page.keyboard.press("Escape");
    check(await page.locator("#toasts").isHidden(), "Escape closes the message that has the focus");
    await button.focus();
    await button.press("Enter");
    await page.locator(".toast .toast-close").focus();
    await page.waitForTimeout(STAYS_MS + 3_000);
    check((await page.locator(".toast").count()) === 1, "a message went away while somebody was at it");
    await page.keyboard.press("Enter");
    const back = await page.evaluate(() => document.activeElement?.dataset.toastKind);
    check(back === "success", "closing a message gives the focus back");
  });
}

async function confirmation(browser) {
  await within(browser, {}, async (view, page) => {
    await view.go(PAGE);
    await page.click("#ask button");
    await page.waitForSelector("#confirm[open]");
    check((await page.textContent("#confirm-title")).includes("12"), "the dialog names the thing");
    check((await page.textContent("#confirm-text")).length > 20, "the dialog names the consequence");
    await view.look("components-confirm", { fullPage: false });
    for (let presses = 0; presses < 5; presses += 1) {
      // Between the last button and the first, the browser's own bar has its turn: then nothing of the page has the focus.
      const inside = await page.evaluate(() => document.activeElement === document.body || document.activeElement.closest("#confirm") !== null);
      check(inside, "the focus left the open dialog");
      await page.keyboard.press("Tab");
    }
    await page.keyboard.press("Escape");
    check(!(await page.isVisible("#confirm")), "Escape closes the dialog");
    const back = await page.evaluate(() => document.activeElement?.closest("#ask") !== null);
    check(back, "the focus comes back to the button that asked");
    const before = page.url();
    await page.click("#ask button");
    await page.click("#confirm-yes");
    await page.waitForURL((url) => url.href !== before);
  });
}

async function filters(browser) {
  await within(browser, {}, async (view, page) => {
    await view.go(`${PAGE}?theme=axtech`);
    check((await page.textContent("[data-result]")).startsWith("42"), "the list says how many there are");
    await page.click('[rel="next"]');
    await page.waitForURL("**page=2*");
    check((await page.textContent(".pager p")).startsWith("6–10"), "the second page begins where the first ended");
    await page.selectOption("#status", "watch");
    await page.waitForURL("**status=watch*");
    await page.waitForFunction(() => document.querySelector("[data-result]").textContent.startsWith("14"));
    await page.waitForFunction(() => document.getElementById("announcer").textContent.startsWith("14"));
    await page.fill("#q", "99");
    await page.press("#q", "Enter");
    await page.waitForSelector("#results .empty-state");
    check(page.url().includes("theme=axtech"), "filters keep what else is in the address");
    view.expected = /components$/;
    await page.route(/q=cut/, (route) => route.fulfill({ status: 503, body: "" }));
    await page.fill("#q", "cut");
    await page.press("#q", "Enter");
    await page.waitForSelector(".toast.notice-error");
    check(!(await page.textContent(".toast.notice-error")).includes("undefined"), "the failure has words");
  });
}

async function withoutScript(browser) {
  const context = await browser.newContext({ javaScriptEnabled: false, locale: "fr-FR" });
  const page = await context.newPage();
  await page.goto(`${BASE}${PAGE}?notice=signed-out`);
  check(await page.locator(".notice[data-notice]").isVisible(), "without script the notice is a banner in the page");
  await page.selectOption("#status", "critical");
  await page.click(".filters [type=submit]");
  check((await page.textContent("[data-result]")).startsWith("14"), "without script the filters are a form");
  await page.click('.segments a[href*="theme=huntzen"]');
  check((await page.getAttribute("html", "data-theme")) === "huntzen", "without script a theme is a link");
  await context.close();
}

async function notice(browser) {
  await within(browser, {}, async (view, page) => {
    await view.go(`${PAGE}?notice=signed-out`);
    await page.waitForSelector(".toast.notice-success");
    check((await page.locator("[data-notice]").count()) === 0, "the notice has become a toast");
    check(!page.url().includes("notice="), "a reload does not say it again");
  });
}

const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
const browser = await chromium.launch({ executablePath: process.env.SOCLE_CHROMIUM || "/usr/bin/chromium", args: flags });
try {
  check(THEMES.length >= 6, `the themes were to be there: ${THEMES}`);
  await step("every theme, light and dark, French and English", () => looks(browser));
  await step("toasts", () => toasts(browser));
  await step("a notice becomes a toast", () => notice(browser));
  await step("confirmation", () => confirmation(browser));
  await step("filters and pages", () => filters(browser));
  await step("without script", () => withoutScript(browser));
  await step("nothing was wrong on any page", () => {
    check(problems.length === 0, `${problems.length} problems\n  ${[...new Set(problems)].join("\n  ")}`);
  });
} catch (error) {
  console.error(`FAIL ${error.stack ?? error}`);
  for (const problem of new Set(problems)) console.error(`     ${problem}`);
  process.exitCode = 1;
} finally {
  await browser.close();
}
