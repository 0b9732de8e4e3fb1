// The same curve as figures, for those who prefer numbers or cannot see a chart.
import type { Point } from "./curve-data";
import { decimal, floored, sign, type Unit } from "./temperature";
import { clockTime, need, put } from "./words";

const RECENT = 15;
const CHANGE_OVER_MS = 5 * 60_000;

/** Fills the Numbers view. */
export function showNumbers(points: Point[], unit: Unit, texts: DOMStringMap): void {
  const trusted = points.filter((point) => point[2] === 0);
  const values = trusted.map((point) => point[1]);
  put(need("number-max"), values.length ? shown(values.reduce((a, b) => Math.max(a, b)), unit) : "–");
  put(need("number-min"), values.length ? shown(values.reduce((a, b) => Math.min(a, b)), unit) : "–");
  put(need("number-change"), change(trusted, unit));
  put(need("number-count"), String(points.length));
  const rows = points.slice(-RECENT).reverse().map((point) => row(point, unit, texts));
  need("recent").replaceChildren(...rows);
}

function shown(celsius: number, unit: Unit): string {
  return `${floored(celsius, unit)} ${sign(unit)}`;
}

/** Difference to five minutes ago; a difference is not a temperature, so no 32 is added in °F. */
function change(points: Point[], unit: Unit): string {
  const last = points.at(-1);
  if (!last) return "–";
  const earlier = points.find((point) => point[0] >= last[0] - CHANGE_OVER_MS);
  if (!earlier || last[0] - earlier[0] < 60_000) return "–";
  const step = (last[1] - earlier[1]) * (unit === "fahrenheit" ? 1.8 : 1);
  return `${step < 0 ? "−" : "+"}${decimal(Math.abs(step).toFixed(1))} ${sign(unit)}`;
}

function row([t, celsius, quality]: Point, unit: Unit, texts: DOMStringMap): HTMLTableRowElement {
  const element = document.createElement("tr");
  const mark = quality === 2 ? texts.textImplausible : quality === 1 ? texts.textLow : "";
  for (const text of [clockTime(t), shown(celsius, unit), mark ?? ""]) {
    const cell = document.createElement("td");
    cell.textContent = text;
    element.append(cell);
  }
  return element;
}
