// What is painted over the line: limits, hollow points, the maximum, alerts, the replay's position.
import type uPlot from "uplot";
import { GAP_MS, type Point } from "./curve-data";
import { floored, onScale, sign, type Unit } from "./temperature";

/** Colours resolved from the theme. */
export interface Palette {
  line: string;
  text: string;
  grid: string;
  surface: string;
  watch: string;
  critical: string;
  strong: string;
}

/** Everything the painter needs to know. */
export interface Scene {
  unit: Unit;
  points: Point[];
  limits: { watch: number; critical: number };
  max: { t: number; c: number } | null;
  alerts: { level: number; raisedAt: number }[];
  at: number | null;
  palette: Palette;
}

const NAMES: Record<keyof Palette, string> = {
  line: "--chart-line",
  text: "--muted-foreground",
  grid: "--border",
  surface: "--card",
  watch: "--watch-line",
  critical: "--critical-line",
  strong: "--foreground",
};

/** Reads the theme's colours; a probe element resolves light-dark(). */
export function readPalette(host: HTMLElement): Palette {
  const probe = document.createElement("span");
  host.append(probe);
  const entries = Object.entries(NAMES).map(([key, name]) => {
    probe.style.color = `var(${name})`;
    return [key, getComputedStyle(probe).color];
  });
  probe.remove();
  return Object.fromEntries(entries) as Palette;
}

/** Paints the scene over a drawn chart. */
export function paint(u: uPlot, scene: Scene): void {
  const { ctx } = u;
  const { left, top, width, height } = u.bbox;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  limit(u, scene, scene.limits.watch, scene.palette.watch);
  limit(u, scene, scene.limits.critical, scene.palette.critical);
  for (const alert of scene.alerts) alertMark(u, scene, alert);
  marks(u, scene);
  if (scene.max) maximum(u, scene, scene.max);
  if (scene.at !== null) position(u, scene, scene.at);
  ctx.restore();
}

function limit(u: uPlot, scene: Scene, celsius: number, colour: string): void {
  const { ctx } = u;
  const y = Math.round(u.valToPos(onScale(celsius, scene.unit), "y", true));
  const dpr = devicePixelRatio;
  ctx.strokeStyle = colour;
  ctx.lineWidth = 2 * dpr;
  ctx.setLineDash([8 * dpr, 6 * dpr]);
  ctx.beginPath();
  ctx.moveTo(u.bbox.left, y);
  ctx.lineTo(u.bbox.left + u.bbox.width, y);
  ctx.stroke();
  ctx.setLineDash([]);
  label(u, scene, `${floored(celsius, scene.unit)} ${sign(scene.unit)}`, u.bbox.left + 8 * dpr, y - 5 * dpr, colour);
}

function label(u: uPlot, scene: Scene, text: string, x: number, y: number, colour: string): void {
  const { ctx } = u;
  ctx.font = `600 ${13 * devicePixelRatio}px "DM Sans", sans-serif`;
  ctx.textAlign = "left";
  ctx.textBaseline = "alphabetic";
  ctx.lineWidth = 4 * devicePixelRatio;
  ctx.strokeStyle = scene.palette.surface;
  ctx.strokeText(text, x, y);
  ctx.fillStyle = colour;
  ctx.fillText(text, x, y);
}

/** Hollow circles for low reliability, hollow squares at the edge for implausible values, dots for lone points. */
function marks(u: uPlot, scene: Scene): void {
  const from = (u.scales.x?.min ?? 0) * 1000;
  const to = (u.scales.x?.max ?? 0) * 1000;
  const { points } = scene;
  points.forEach(([t, c, quality], index) => {
    if (t < from || t > to) return;
    if (quality === 0 && !isLone(points, index)) return;
    const x = u.valToPos(t / 1000, "x", true);
    const y = clamp(u.valToPos(onScale(c, scene.unit), "y", true), u.bbox.top + 8, u.bbox.top + u.bbox.height - 8);
    if (quality === 2) square(u, scene, x, y);
    else circle(u, x, y, 3.5, quality === 0 ? scene.palette.line : scene.palette.surface, scene.palette.line);
  });
}

function isLone(points: Point[], index: number): boolean {
  const near = (other: Point | undefined, t: number): boolean =>
    other !== undefined && other[2] !== 2 && Math.abs(other[0] - t) <= GAP_MS;
  const t = points[index]?.[0] ?? 0;
  return !near(points[index - 1], t) && !near(points[index + 1], t);
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}

function circle(u: uPlot, x: number, y: number, radius: number, fill: string, stroke: string): void {
  const { ctx } = u;
  ctx.beginPath();
  ctx.arc(x, y, radius * devicePixelRatio, 0, 2 * Math.PI);
  ctx.fillStyle = fill;
  ctx.fill();
  ctx.lineWidth = 1.75 * devicePixelRatio;
  ctx.strokeStyle = stroke;
  ctx.stroke();
}

function square(u: uPlot, scene: Scene, x: number, y: number): void {
  const half = 4 * devicePixelRatio;
  u.ctx.lineWidth = 1.75 * devicePixelRatio;
  u.ctx.strokeStyle = scene.palette.text;
  u.ctx.strokeRect(x - half, y - half, 2 * half, 2 * half);
}

function maximum(u: uPlot, scene: Scene, max: { t: number; c: number }): void {
  const x = u.valToPos(max.t / 1000, "x", true);
  const y = u.valToPos(onScale(max.c, scene.unit), "y", true);
  circle(u, x, y, 5.5, scene.palette.surface, scene.palette.strong);
  circle(u, x, y, 2, scene.palette.strong, scene.palette.strong);
  const text = `${floored(max.c, scene.unit)} ${sign(scene.unit)}`;
  const roomy = x + 90 * devicePixelRatio < u.bbox.left + u.bbox.width;
  label(u, scene, text, roomy ? x + 10 * devicePixelRatio : x - 74 * devicePixelRatio, y - 10 * devicePixelRatio, scene.palette.strong);
}

function alertMark(u: uPlot, scene: Scene, alert: { level: number; raisedAt: number }): void {
  const { ctx } = u;
  const dpr = devicePixelRatio;
  const x = u.valToPos(alert.raisedAt / 1000, "x", true);
  const colour = alert.level >= 40 ? scene.palette.critical : scene.palette.watch;
  ctx.strokeStyle = colour;
  ctx.fillStyle = colour;
  ctx.lineWidth = 1.5 * dpr;
  ctx.beginPath();
  ctx.moveTo(x, u.bbox.top + 12 * dpr);
  ctx.lineTo(x, u.bbox.top + u.bbox.height);
  ctx.stroke();
  ctx.beginPath();
  ctx.moveTo(x - 7 * dpr, u.bbox.top);
  ctx.lineTo(x + 7 * dpr, u.bbox.top);
  ctx.lineTo(x, u.bbox.top + 12 * dpr);
  ctx.fill();
}

function position(u: uPlot, scene: Scene, at: number): void {
  const { ctx } = u;
  const x = u.valToPos(at / 1000, "x", true);
  ctx.strokeStyle = scene.palette.strong;
  ctx.lineWidth = 2 * devicePixelRatio;
  ctx.beginPath();
  ctx.moveTo(x, u.bbox.top);
  ctx.lineTo(x, u.bbox.top + u.bbox.height);
  ctx.stroke();
}
