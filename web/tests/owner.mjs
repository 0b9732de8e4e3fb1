// The owner's pages in a real browser: dashboard, devices, a label held before the camera, networks, place, team, events:
// node web/tests/owner.mjs
//
// BASE, OWNER_EMAIL, PASSWORD, DEVICE, CREDENTIAL say which server, person and device; SERIAL and SECRET what stands on the
// label that the film FILM shows; SHOTS where pictures go. SOCLE_CHROMIUM is the browser (else `chromium`), SOCLE_LONG=1
// looks at every view instead of four.
import { chromium } from "playwright-core";
import { View } from "./looking-glass.mjs";

const { BASE, OWNER_EMAIL, PASSWORD, DEVICE, CREDENTIAL, SERIAL, SECRET, FILM, SHOTS } = process.env;
const DEVICES = "/physiotraq/admin/devices";
const TEAM = "/physiotraq/admin/team";
const PAGE = `${DEVICES}/${DEVICE}`;
const NETWORK = "un mot de passe du bloc";

const all = ["fr", "en"].flatMap((lang) =>
  ["desktop", "phone"].flatMap((size) => ["light", "dark"].map((mode) => ({ lang, size, mode }))),
);
const four = ["fr-desktop-light", "en-phone-dark", "fr-phone-light", "en-desktop-dark"];
const chosen = process.env.SOCLE_LONG ? all : all.filter((v) => four.includes(`${v.lang}-${v.size}-${v.mode}`));
const views = [];
let main;

function check(holds, message) {
  if (!holds) throw new Error(message);
}

/** What the device says or asks, from an address in Nice. */
async function device(method, path, body) {
  const headers = { authorization: `Bearer ${CREDENTIAL}`, "content-type": "application/json", "x-forwarded-for": "203.0.113.9" };
  const answer = await fetch(`${BASE}/physiotraq/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
  check(answer.ok, `${path} answered ${answer.status}`);
  return answer.json();
}

async function open(browser) {
  for (const options of chosen) {
    const view = await new View({ ...options, base: BASE, shots: SHOTS }).open(browser);
    views.push(view);
    await view.signIn(OWNER_EMAIL, PASSWORD);
  }
  [main] = views;
}

/** Without leave the page says what to do, and the form is there all the same. */
async function cameraRefused() {
  const { page } = views[1];
  await views[1].go(`${DEVICES}/new`);
  await page.click("#scan-start");
  await page.waitForFunction(() => {
    const { dataset } = document.getElementById("scan");
    return document.getElementById("scan-said").textContent === dataset.textRefused;
  });
  check((await page.isVisible("#scan-start")) && (await page.isEnabled("#serial_number")), "number and code can be typed");
  await views[1].look("device-new-refused");
}

async function scan() {
  const { page } = main;
  await main.context.grantPermissions(["camera"], { origin: BASE });
  await main.go(`${DEVICES}/new`);
  await main.look("device-new");
  await page.click("#scan-start");
  await page.waitForFunction((serial) => document.getElementById("serial_number").value === serial, SERIAL);
  check((await page.inputValue("#secret")) === SECRET, "the secret of the label is filled in");
  check(await page.isHidden("#scan-view"), "the camera is closed once the code was read");
  check(await page.evaluate(() => document.activeElement.id === "name"), "the name is what is left to type");
  await main.look("device-scanned");
  await page.fill("#name", "CoreTraQer008");
  await Promise.all([page.waitForURL(/admin\/devices\/[0-9a-f-]+\?notice=claimed$/), page.click("#claim [type=submit]")]);
  await main.look("device-claimed");
}

async function networks() {
  const { page } = main;
  await main.go(`${PAGE}/edit`);
  await page.fill("#ssid_1", "Hospital-WiFi");
  await page.fill("#password_1", NETWORK);
  await page.fill("#ssid_2", "Mobile-Hotspot");
  await page.fill("#password_2", "court");
  main.expected = /\/wifi$/;
  await page.click('form[action$="/wifi"] [type=submit]');
  await page.waitForSelector("#error-summary");
  check((await page.inputValue("#ssid_2")) === "Mobile-Hotspot", "a refused form keeps the names");
  check((await page.inputValue("#password_1")) === "", "and sends no password back");
  await main.look("device-edit-refused");
  await page.fill("#password_1", NETWORK);
  await page.fill("#password_2", NETWORK);
  await Promise.all([page.waitForURL(/notice=wifi-saved$/), page.click('form[action$="/wifi"] [type=submit]')]);
  main.expected = undefined;
  await main.look("device-networks-waiting");
  const { version, wifi_credentials: fetched } = await device("GET", "/devices/wifi_credentials");
  check(fetched.map(({ ssid }) => ssid).join() === "Hospital-WiFi,Mobile-Hotspot", "the device gets both, in order");
  await device("POST", "/devices/heartbeat", { wifi_version: version });
  await main.go(PAGE);
  check(!(await page.locator(".notice-warning").count()), "no drift once the device has the version");
}

async function calibrateAndInvite() {
  const { page } = main;
  await main.go(`${PAGE}/edit`);
  await page.fill("#temp_slope", "1,0025");
  await page.fill("#temp_intercept", "-0,125");
  await Promise.all([page.waitForURL(/notice=calibrated$/), page.click('form[action$="/calibration"] [type=submit]')]);
  await main.go(`${TEAM}/new`);
  await page.fill("#email", "nadia@test.fr");
  await page.fill("#first_name", "Nadia");
  await page.check(`#device-${DEVICE}`);
  await Promise.all([page.waitForURL(/notice=invited$/), page.click("main form [type=submit]")]);
}

/** Every page, by every view. */
async function walk(view) {
  const { page } = view;
  await view.go(TEAM);
  const member = await page.getAttribute('a.row-link:has-text("Paul Essai")', "href");
  const pages = {
    dashboard: "/physiotraq/admin",
    devices: DEVICES,
    "devices-none": `${DEVICES}?q=nothing`,
    "device-page": PAGE,
    "device-edit": `${PAGE}/edit`,
    "device-location": `${PAGE}/location`,
    "device-new": `${DEVICES}/new`,
    team: TEAM,
    "team-new": `${TEAM}/new`,
    member,
    "member-edit": `${member}/edit`,
    "member-assignments": `${member}/assignments`,
    events: "/physiotraq/admin/events",
    "events-none": "/physiotraq/admin/events?type=license.expired",
  };
  for (const [what, path] of Object.entries(pages)) {
    await view.go(path);
    await view.look(what);
  }
}

async function release() {
  const { page } = main;
  await main.go(DEVICES);
  await page.click('a.row-link:has-text("CoreTraQer008")');
  await page.click('form[action$="/release"] [type=submit]');
  await page.waitForSelector("#confirm[open]");
  await main.look("device-release-confirm", { fullPage: false });
  await Promise.all([page.waitForURL(/notice=released$/), page.click("#confirm-yes")]);
  check(!(await page.locator('a.row-link:has-text("CoreTraQer008")').count()), "it has left the list");
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
  await step("the device makes itself heard", async () => {
    await device("POST", "/devices/heartbeat", { battery_level: 87, wifi_strength: -61, firmware_version: "03.1.0" });
    await device("POST", "/measurements", { temperature: 37.4, measured_at: new Date().toISOString(), reliability: 98 });
  });
  await step("sign in everywhere", () => open(browser));
  await step("a camera that is refused", cameraRefused);
  await step("the label is scanned and the device claimed", scan);
  await step("networks: refused, stored, taken over", networks);
  await step("calibration and invitation", calibrateAndInvite);
  await step("every page, everywhere", async () => {
    for (const view of views) await walk(view);
  });
  await step("release, asked first", release);
  await step("nothing was wrong on any page", () => {
    const problems = views.flatMap((view) => view.problems.map((problem) => `${view.name}: ${problem}`));
    check(problems.length === 0, `${problems.length} problems\n  ${[...new Set(problems)].join("\n  ")}`);
  });
}

const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
const camera = ["--use-fake-device-for-media-stream", `--use-file-for-fake-video-capture=${FILM}`];
const executablePath = process.env.SOCLE_CHROMIUM || "/usr/bin/chromium";
const browser = await chromium.launch({ executablePath, args: [...flags, ...camera] });
try {
  await journey(browser);
} catch {
  process.exitCode = 1;
} finally {
  await browser.close();
}
