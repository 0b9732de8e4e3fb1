// The points of a curve: what is drawn as a line, where it is interrupted, what is marked.
import { onScale, type Unit } from "./temperature";

/** `[epoch ms, °C, quality]`; quality 0 good, 1 low reliability, 2 implausible. */
export type Point = [number, number, number];

/** What the curve endpoints answer. */
export interface CurveAnswer {
  treatment: string | null;
  startedAt: number | null;
  endedAt: number | null;
  limits: { watch: number; critical: number };
  unit: Unit;
  points: Point[];
  max: { t: number; c: number } | null;
  alerts: { level: number; raisedAt: number }[];
}

/** Longer silence than this is shown as an interruption, never bridged. */
export const GAP_MS = 5 * 60_000;

/** Asks the server for a curve. */
export async function fetchCurve(address: string, after?: number): Promise<CurveAnswer> {
  const url = new URL(address, location.href);
  if (after !== undefined) url.searchParams.set("after", String(after));
  const answer = await fetch(url, { headers: { accept: "application/json" }, redirect: "manual" });
  if (!answer.ok) throw new CurveRefused(answer.type === "opaqueredirect" ? 303 : answer.status);
  return (await answer.json()) as CurveAnswer;
}

/** The server answered, but not with a curve. */
export class CurveRefused extends Error {
  constructor(readonly status: number) {
    super(`curve refused: ${status}`);
  }
}

/** Adds points, keeping the order by device time and one point per instant (the newer answer wins). */
export function merge(points: Point[], fresh: Point[]): void {
  for (const point of fresh) {
    let at = points.length;
    while (at > 0 && (points[at - 1]?.[0] ?? 0) > point[0]) at -= 1;
    if (at > 0 && points[at - 1]?.[0] === point[0]) points[at - 1] = point;
    else points.splice(at, 0, point);
  }
}

/** Columns for uPlot: seconds and values on the shown scale, null where the line must break. */
export function columns(points: Point[], unit: Unit): [number[], (number | null)[]] {
  const xs: number[] = [];
  const ys: (number | null)[] = [];
  let before: number | null = null;
  for (const [t, c, quality] of points) {
    if (before !== null && t - before > GAP_MS) {
      xs.push((before + 1) / 1000);
      ys.push(null);
    }
    xs.push(t / 1000);
    // An implausible value is marked beside the curve, it never bends it.
    ys.push(quality === 2 ? null : onScale(c, unit));
    before = t;
  }
  return [xs, ys];
}

/** The vertical range: 37–41 °C, wider when plausible data lies outside. */
export function range(points: Point[], from: number, to: number, unit: Unit): [number, number] {
  let low = 37;
  let high = 41;
  for (const [t, c, quality] of points) {
    if (quality === 2 || t < from || t > to) continue;
    low = Math.min(low, c - 0.2);
    high = Math.max(high, c + 0.2);
  }
  return [onScale(low, unit), onScale(high, unit)];
}
