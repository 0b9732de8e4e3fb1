// The operator's whole session in a real browser, from signing in to the exported file: node web/tests/live-monitor.mjs
//
// BASE, EMAIL, OWNER_EMAIL, PASSWORD, DEVICE, CREDENTIAL say which server, people and device; SHOTS where pictures go.
// SOCLE_CHROMIUM is the browser (else `chromium`), SOCLE_LONG=1 looks at every view instead of four.
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";
import { Line } from "./line.mjs";
import { View } from "./looking-glass.mjs";
import { Thermometer } from "./thermometer.mjs";

const { BASE, EMAIL, OWNER_EMAIL, PASSWORD, DEVICE, CREDENTIAL, SHOTS } = process.env;
const MONITOR = `/physiotraq/app/monitor/${DEVICE}`;
/** A figure must have followed its reading after this long. */
const FOLLOWS_MS = 2_000;
/** An alarm is raised 15 s after its condition; the rest is the way there, and a slow machine. */
const ALARM_MS = 60_000;

const all = ["fr", "en"].flatMap((lang) =>
  ["desktop", "phone"].flatMap((size) => ["light", "dark"].map((mode) => ({ lang, size, mode }))),
);
const four = ["fr-desktop-light", "en-phone-dark", "fr-phone-light", "en-desktop-dark"];
const chosen = process.env.SOCLE_LONG ? all : all.filter((v) => four.includes(`${v.lang}-${v.size}-${v.mode}`));

const thermometer = new Thermometer(BASE, CREDENTIAL);
const line = await Line.to(BASE);
const views = [];
let main;
let treatment;

function check(holds, message) {
  if (!holds) throw new Error(message);
}

async function each(work) {
  for (const view of views) await work(view);
}

const shown = (page, selector) => page.textContent(selector).then((text) => text.trim());

/** The figure as a number's text, whatever the language's decimal sign. */
const followed = (figure) => document.getElementById("figure").textContent.replace(",", ".") === figure;

async function walkBeforeTheSession(view) {
  await view.signIn(EMAIL, PASSWORD);
  await view.look("home");
  await view.go("/physiotraq/app/monitor");
  await view.look("choose");
  await view.page.click(`a[href$="/app/treatments/new?device=${DEVICE}"]`);
  await view.page.waitForSelector("#anonymous");
  check(await view.page.isChecked("#anonymous"), "a new treatment is anonymous unless somebody says otherwise");
  check(!(await view.page.isVisible("#patient_last_name")), "an anonymous treatment asks for no name");
  await view.look("new-treatment");
}

async function start() {
  const { page } = main;
  main.expected = /\/app\/treatments$/;
  await page.fill("#patient_age", "abc");
  await page.click("main form [type=submit]");
  await page.waitForSelector("#error-summary");
  await main.look("new-treatment-refused");
  main.expected = undefined;
  await page.fill("#patient_age", "45");
  await page.fill("#patient_weight", "72,5");
  await page.selectOption("#patient_sex", "female");
  await page.fill("#notes", "Séance d’essai");
  await Promise.all([page.waitForURL(`**${MONITOR}*`), page.click("main form [type=submit]")]);
  await page.waitForSelector("#stop");
  check(/#?\d{8}-\d{6}-\d{3}|Anonyme/.test(await shown(page, ".live-head")), "the session has no label");
}

async function figureFollows() {
  await thermometer.pause();
  await main.page.waitForSelector('#stage[data-state="live"]');
  for (const [celsius, figure] of [[38.21, "38.2"], [38.449, "38.4"], [38.66, "38.6"], [38.799, "38.7"]]) {
    await thermometer.post(celsius);
    const posted = Date.now();
    await main.page.waitForFunction(followed, figure, { timeout: FOLLOWS_MS, polling: 20 }).catch(() => {
      throw new Error(`${celsius} was posted and #figure is not ${figure} ${FOLLOWS_MS} ms later`);
    });
    console.log(`     ${celsius} °C shown as ${figure} after ${Date.now() - posted} ms`);
  }
  check((await main.page.getAttribute("#stage", "data-band")) === "normal", "38.7 °C is a normal temperature");
}

async function monitorsOf(what, ready) {
  await each(async (view) => {
    if (!view.page.url().includes(MONITOR)) await view.go(MONITOR);
    await view.page.waitForFunction(ready, undefined, { timeout: ALARM_MS });
    await view.look(what);
  });
}

async function crossWatch() {
  thermometer.hold(39.2);
  await main.page.waitForSelector('#stage[data-band="watch"]', { timeout: ALARM_MS });
  check(await main.page.isHidden("#alarm-banner"), "the banner comes after the on-delay, the colour at once");
  await main.page.waitForSelector('#alarm-banner[data-banner="watch"]:not([hidden])', { timeout: ALARM_MS });
  check((await shown(main.page, "#alarm-title")) === "Surveiller de près", "the title of the 39 °C banner");
  await monitorsOf("monitor-39", () => document.querySelector('#alarm-banner[data-banner="watch"]:not([hidden]) #alarm-list li'));
}

async function crossCritical() {
  thermometer.hold(40.2);
  await main.page.waitForSelector('#stage[data-band="critical"]', { timeout: ALARM_MS });
  await main.page.waitForSelector('#alarm-banner[data-banner="critical"]', { timeout: ALARM_MS });
  check((await shown(main.page, "#alarm-title")) === "TEMPÉRATURE CRITIQUE", "the title of the 40 °C banner");
  check((await shown(main.page, "#alarm-order")) !== "", "the red banner says what to do");
  await main.page.waitForFunction(() => window.sounds.some((sound) => sound.level === "critical"));
  await monitorsOf("monitor-40", () => document.querySelector('#alarm-banner[data-banner="critical"]'));
}

async function acknowledge() {
  const { page } = main;
  for (let left = await page.locator("#alarm-list .acknowledge").count(); left > 0; left -= 1) {
    await page.locator("#alarm-list .acknowledge").last().click();
    await page.waitForFunction((n) => document.querySelectorAll("#alarm-list .acknowledge").length < n, left);
  }
  check((await shown(page, "#alarm-list")).includes("Paul Essai"), "the alarm says who took note of it");
  await each(({ page: other }) => other.waitForFunction(() => !document.querySelector("#alarm-list .acknowledge")));
  const before = await page.evaluate(() => window.sounds.length);
  await page.waitForTimeout(6_000);
  check((await page.evaluate(() => window.sounds.length)) === before, "the sound pauses once somebody took note");
  await main.look("monitor-acknowledged");
}

async function switches() {
  const { page } = main;
  await page.click('#unit-form [value="fahrenheit"]');
  await page.waitForFunction(() => document.getElementById("figure-unit").textContent === "°F");
  await page.waitForFunction(() => Number(document.getElementById("figure").textContent.replace(",", ".")) >= 104);
  await page.click('#unit-form [value="celsius"]');
  await page.click('#view-switch [data-view="numbers"]');
  await page.waitForSelector("#recent tr");
  await main.look("monitor-numbers");
  await page.click('#view-switch [data-view="chart"]');
}

/** While the line is cut the device goes on; when it is mended the curve has what was missed. */
async function catchUp() {
  const { page } = main;
  const measured = () => thermometer.readings.length;
  for (const view of views) view.expected = /./;
  line.cut();
  await page.waitForSelector('#stage[data-state="cut"]');
  const before = measured();
  while (measured() < before + 4) await page.waitForTimeout(200);
  line.mend();
  await page.waitForSelector('#stage[data-state="live"]', { timeout: ALARM_MS });
  await page.click('#view-switch [data-view="numbers"]');
  // All that were measured since the session began, but for the one that may be on its way.
  const whole = (least) => Number(document.getElementById("number-count").textContent) >= least;
  const address = await page.getAttribute("[data-curve]", "data-curve");
  const curve = await page.evaluate((curve) => fetch(curve).then((answer) => answer.json()), address);
  await page.waitForFunction(whole, curve.points.length, { timeout: FOLLOWS_MS }).catch(async () => {
    const shownPoints = await shown(page, "#number-count");
    check(false, `after the cut the page has ${shownPoints} points of ${curve.points.length}`);
  });
  await page.click('#view-switch [data-view="chart"]');
  for (const view of views) view.expected = undefined;
}

async function stop() {
  const { page } = main;
  thermometer.hold(38.6);
  await page.waitForSelector('#stage[data-band="normal"]', { timeout: ALARM_MS });
  await thermometer.pause();
  await page.click("#stop");
  await page.waitForSelector("#confirm[open]");
  await main.look("stop-confirm", { fullPage: false });
  await page.keyboard.press("Escape");
  check(page.url().includes(MONITOR), "a refused confirmation stops nothing");
  await page.click("#stop");
  await Promise.all([page.waitForURL("**/physiotraq/app/treatments/*"), page.click("#confirm-yes")]);
  treatment = new URL(page.url()).pathname;
  // The other screens learn that the treatment has ended, and are other pages then.
  for (const view of views.filter((view) => view !== main)) {
    await view.page.waitForSelector('#live[data-treatment=""]', { state: "attached" });
    await view.page.waitForLoadState();
  }
}

/** The readings of the session, as the thermometer knows them. */
async function expected() {
  const curve = await main.page.evaluate((url) => fetch(url).then((answer) => answer.json()), `${treatment}/curve`);
  const readings = thermometer.readings.filter(({ t }) => t >= curve.startedAt && t <= curve.endedAt);
  check(readings.length > 40, `the session was to have more than ${readings.length} readings`);
  return { curve, readings };
}

async function replay() {
  const { page } = main;
  const { curve, readings } = await expected();
  const same = curve.points.length === readings.length && curve.points.every(([t, c], i) => t === readings[i].t && c === readings[i].c);
  check(same, `the curve holds ${curve.points.length} points, the thermometer sent ${readings.length}`);
  check(curve.max.c === Math.max(...readings.map(({ c }) => c)), "the curve's maximum");
  check(curve.alerts.map(({ level }) => level).join() === "39,40", "one alert of each level");
  await page.waitForSelector("#replay-bar:not([hidden])");
  await page.waitForFunction(() => {
    const canvas = document.querySelector("#curve canvas");
    const pixels = canvas?.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data ?? [];
    return pixels.some((value, place) => place % 4 === 3 && value > 0);
  });
  await main.look("treatment");
  const clock = await shown(page, "#replay-clock");
  await page.selectOption("#speed", "10");
  await page.click("#play");
  await page.waitForFunction((before) => document.getElementById("replay-clock").textContent !== before, clock);
  await page.waitForSelector('#replay-reading[data-band="critical"]', { timeout: 20_000 });
  await page.waitForFunction(() => document.getElementById("seek").value === "1000");
}

async function exported() {
  const [download] = await Promise.all([
    main.page.waitForEvent("download"),
    main.page.click(`a[href="${treatment}/export"]`),
  ]);
  check(/^physiotraq-\d{8}-\d{6}-\d{3}\.csv$/.test(download.suggestedFilename()), download.suggestedFilename());
  const [header, ...rows] = readFileSync(await download.path(), "utf8").trim().split("\n").map((row) => row.split(","));
  const [time, celsius] = ["measured_at", "temperature_celsius"].map((name) => header.indexOf(name));
  const { readings } = await expected();
  check(rows.length === readings.length, `the file has ${rows.length} rows for ${readings.length} readings`);
  const wrong = readings.filter(({ t, c }, i) => Date.parse(rows[i][time]) !== t || Number(rows[i][celsius]) !== c);
  check(wrong.length === 0, `rows that are not what was sent: ${JSON.stringify(wrong.slice(0, 3))}`);
}

async function walkAfterTheSession(view) {
  if (view !== main) {
    await view.go(treatment);
    await view.page.waitForSelector("#replay-bar:not([hidden])");
    await view.look("treatment");
  }
  await view.go("/physiotraq/app/treatments");
  await view.page.waitForSelector(`a[href="${treatment}"]`);
  await view.look("treatments");
  await view.go("/physiotraq/app/treatments?q=nobody");
  await view.look("treatments-none");
  view.expected = /\/nowhere$/;
  await view.go("/physiotraq/nowhere");
  await view.look("not-found");
  view.expected = undefined;
}

async function walkAsOwner(view) {
  await view.signIn(OWNER_EMAIL, PASSWORD);
  const pages = {
    devices: "/admin/devices",
    device: `/admin/devices/${DEVICE}`,
    "device-new": "/admin/devices/new",
    "all-treatments": "/admin/treatments",
    firmware: "/admin/firmware",
    "owner-home": "/app",
  };
  for (const [what, path] of Object.entries(pages)) {
    await view.go(`/physiotraq${path}`);
    await view.look(what);
  }
}

async function signOut() {
  const { page } = main;
  await main.go("/physiotraq/app");
  await page.click("details.account summary");
  await Promise.all([page.waitForURL("**/sign_in*"), page.click('form[action$="/sign_out"] button')]);
  await main.go(MONITOR);
  check(page.url().includes("/sign_in?next="), "after signing out the live screen asks who it is");
}

async function step(name, work) {
  const began = Date.now();
  try {
    await work();
    console.log(`ok   ${name} (${((Date.now() - began) / 1_000).toFixed(1)} s)`);
  } catch (error) {
    console.error(`FAIL ${name}: ${error.stack ?? error}`);
    await main?.page.screenshot({ path: `${SHOTS}/failure.png` }).catch(() => undefined);
    throw error;
  }
}

async function journey(browser) {
  const opened = (options) => new View({ ...options, base: line.url, shots: SHOTS }).open(browser);
  await step("the device makes itself heard", () => thermometer.heartbeat());
  thermometer.hold(37.9);
  await step("open the views", async () => {
    for (const options of chosen) views.push(await opened(options));
    [main] = views;
  });
  await step("sign in, home, choice, form", () => each(walkBeforeTheSession));
  await step("start", start);
  await step("the figure follows a reading within 2 s", figureFollows);
  await step("the live screen, everywhere", async () => {
    thermometer.hold(38.6);
    await monitorsOf("monitor", () => document.querySelector('#stage[data-state="live"][data-band="normal"]'));
  });
  await step("39 °C: colour at once, then the orange banner", crossWatch);
  await step("40 °C: the red banner and the sound", crossCritical);
  await step("take note", acknowledge);
  await step("units and numbers", switches);
  await step("the line is cut and mended", catchUp);
  await step("stop, asked twice", stop);
  await step("replay", replay);
  await step("export", exported);
  await step("treatment, list, nothing found", () => each(walkAfterTheSession));
  await step("the owner's pages", async () => {
    for (const options of chosen) {
      const owner = await opened(options);
      await walkAsOwner(owner);
      views.push(owner);
    }
  });
  await step("sign out", signOut);
  await step("nothing was wrong on any page", () => {
    const problems = views.flatMap((view) => view.problems.map((problem) => `${view.name}: ${problem}`));
    check(problems.length === 0, `${problems.length} problems\n  ${[...new Set(problems)].join("\n  ")}`);
  });
}

const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
const browser = await chromium.launch({ executablePath: process.env.SOCLE_CHROMIUM || "/usr/bin/chromium", args: flags });
try {
  await journey(browser);
} catch {
  process.exitCode = 1;
} finally {
  line.close();
  await thermometer.pause().catch((error) => console.error(`thermometer: ${error.message}`));
  await browser.close();
}
