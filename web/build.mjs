// Builds dist/: one style sheet, the browser modules, the fonts, the icon sprite. `npm run build`.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { feature, mesh } from "topojson-client";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist");
const require = createRequire(import.meta.url);

/** Lucide icons that templates may name; a name missing here shows nothing, so add it here first. */
const ICONS = [
  "activity", "arrow-left", "arrow-right", "battery-full", "battery-low", "battery-warning", "bell", "bell-off",
  "building-2", "calendar", "chart-line", "check", "chevron-left", "chevron-right", "circle-alert", "circle-check",
  "circle-help", "circle-play", "circle-stop", "circle-user-round", "clipboard-list", "clock", "cpu", "credit-card",
  "download", "ellipsis", "files", "flashlight", "folder-open", "gauge", "history", "house", "info", "key-round", "languages",
  "layout-dashboard", "link", "list", "list-filter", "log-in", "log-out", "map-pin", "menu", "monitor", "monitor-dot", "moon",
  "octagon-alert", "pause", "pencil", "play", "plus", "qr-code", "radio", "router", "rotate-ccw", "search",
  "settings", "shield-check", "stethoscope", "sun", "sun-moon", "thermometer", "thermometer-sun", "timer", "trash-2",
  "triangle-alert", "unlink", "upload", "user", "user-round", "users", "volume-2", "volume-off", "wifi", "wifi-off", "x", "zoom-out",
];

/** One sprite instead of inlined copies: pages stay small and the file is cached. */
function sprite() {
  const symbols = ICONS.map((name) => {
    const svg = readFileSync(require.resolve(`lucide-static/icons/${name}.svg`), "utf8");
    const body = svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>"));
    return `<symbol id="${name}" viewBox="0 0 24 24">${body.replace(/\s*\n\s*/g, "")}</symbol>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>\n`;
}

/**
 * Land and borders of Natural Earth (public domain) as two symbols in tenths of a degree, longitude -180 and latitude 90 in
 * the corner: enough for places as approximate as an address.
 */
function map() {
  const world = JSON.parse(readFileSync(require.resolve("world-atlas/countries-50m.json"), "utf8"));
  const line = (points) => {
    let [x, y] = points[0].map(Math.round);
    let path = `M${x} ${y}l`;
    for (const point of points.slice(1)) {
      const [right, down] = [Math.round(point[0]) - x, Math.round(point[1]) - y];
      if (right || down) path += `${right} ${down} `;
      [x, y] = [x + right, y + down];
    }
    return path.endsWith("l") ? "" : path.replaceAll(" -", "-").trimEnd();
  };
  const placed = (points) => line(points.map(([longitude, latitude]) => [10 * (longitude + 180), 10 * (90 - latitude)]));
  const land = feature(world, world.objects.land).features.flatMap(({ geometry }) => geometry.coordinates.flat());
  const borders = mesh(world, world.objects.countries, (one, other) => one !== other).coordinates;
  const symbol = (id, lines) =>
    `<symbol id="${id}" viewBox="0 0 3600 1800"><path vector-effect="non-scaling-stroke" d="${lines.map(placed).join("")}"/></symbol>`;
  return `<svg xmlns="http://www.w3.org/2000/svg">${symbol("land", land)}${symbol("borders", borders)}</svg>\n`;
}

function fonts() {
  for (const subset of ["latin", "latin-ext"]) {
    const file = require.resolve(`@fontsource-variable/dm-sans/files/dm-sans-${subset}-wght-normal.woff2`);
    copyFileSync(file, join(dist, `dm-sans-${subset}.woff2`));
  }
}

function styles() {
  const cli = join(dirname(require.resolve("@tailwindcss/cli/package.json")), "dist/index.mjs");
  execFileSync(process.execPath, [cli, "--input", "styles/app.css", "--output", "dist/app.css", "--minify"], {
    cwd: here,
    stdio: ["ignore", "ignore", "inherit"],
  });
}

async function scripts() {
  await build({
    absWorkingDir: here,
    entryPoints: ["theme", "app", "monitor", "replay", "live-worker", "scan", "scan-worker", "dev"].map((name) => `src/${name}.ts`),
    outdir: "dist",
    bundle: true,
    format: "iife",
    target: "es2022",
    minify: true,
    legalComments: "none",
    logLevel: "warning",
  });
}

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);
writeFileSync(join(dist, "icons.svg"), sprite());
writeFileSync(join(dist, "map.svg"), map());
copyFileSync(join(here, "images/favicon.svg"), join(dist, "favicon.svg"));
fonts();
styles();
await scripts();
