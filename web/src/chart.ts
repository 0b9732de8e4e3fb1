// The temperature curve, live and replayed. uPlot sets its styles through the CSSOM, which the policy allows.
import uPlot from "uplot";
import { paint, readPalette, type Scene } from "./chart-paint";
import { type CurveAnswer, columns, type Point, range } from "./curve-data";
import { decimal, floored, sign, type Unit } from "./temperature";
import { clockTime } from "./words";

/** How a chart behaves. */
export interface ChartOptions {
  unit: Unit;
  /** Drag to zoom, for a recorded curve. */
  zoom: boolean;
  onZoom?: (zoomed: boolean) => void;
}

/** A curve with its limits, marks and hovering read-out. */
export class TemperatureChart {
  private readonly plot: uPlot;
  private readonly readout: HTMLElement;
  private readonly scene: Scene;
  private window: [number, number] = [Date.now() - 60_000, Date.now()];

  constructor(
    private readonly host: HTMLElement,
    private readonly options: ChartOptions,
  ) {
    this.scene = {
      unit: options.unit,
      points: [],
      limits: { watch: 39, critical: 40 },
      max: null,
      alerts: [],
      at: null,
      palette: readPalette(host),
    };
    this.plot = new uPlot(this.describe(), [[], []], host);
    this.readout = document.createElement("p");
    this.readout.className = "curve-readout";
    this.readout.hidden = true;
    host.append(this.readout);
    this.follow();
  }

  /** Shows these points over this time window (epoch ms). */
  show(points: Point[], from: number, to: number): void {
    this.scene.points = points;
    this.window = [from, Math.max(to, from + 1000)];
    this.plot.setData(columns(points, this.scene.unit), false);
    this.plot.setScale("x", { min: this.window[0] / 1000, max: this.window[1] / 1000 });
  }

  /** Marks of the answer: limits, maximum, alerts. */
  marks(answer: Pick<CurveAnswer, "limits" | "max" | "alerts">): void {
    this.scene.limits = answer.limits;
    this.scene.max = answer.max;
    this.scene.alerts = answer.alerts;
    this.plot.redraw(false);
  }

  /** The replay's position, or none. */
  position(at: number | null): void {
    this.scene.at = at;
    this.plot.redraw(false);
  }

  /** Changes the unit of scale and marks. */
  unit(unit: Unit): void {
    this.scene.unit = unit;
    this.show(this.scene.points, ...this.window);
  }

  /** Back to the whole window. */
  zoomOut(): void {
    this.plot.setScale("x", { min: this.window[0] / 1000, max: this.window[1] / 1000 });
    this.options.onZoom?.(false);
  }

  private size(): { width: number; height: number } {
    return { width: Math.max(200, this.host.clientWidth), height: Math.max(180, this.host.clientHeight) };
  }

  private describe(): uPlot.Options {
    const { scene } = this;
    const axis = (): Partial<uPlot.Axis> => ({
      font: '13px "DM Sans", sans-serif',
      stroke: () => scene.palette.text,
      grid: { stroke: () => scene.palette.grid, width: 1 },
      ticks: { show: false },
    });
    return {
      ...this.size(),
      legend: { show: false },
      cursor: { drag: { x: this.options.zoom, y: false, setScale: this.options.zoom }, points: { show: false }, y: false },
      scales: {
        x: { time: true },
        y: { range: (u) => range(scene.points, (u.scales.x?.min ?? 0) * 1000, (u.scales.x?.max ?? 0) * 1000, scene.unit) },
      },
      axes: [
        { ...axis(), size: 34, values: (_u, ticks) => ticks.map((tick) => clockTime(tick * 1000, (ticks[1] ?? 0) - (ticks[0] ?? 0) < 60)) },
        { ...axis(), size: 52, values: (_u, ticks) => ticks.map((tick) => decimal(tick.toFixed(1))) },
      ],
      series: [{}, { stroke: () => scene.palette.line, width: 2.5, points: { show: false }, spanGaps: false }],
      hooks: {
        draw: [(u) => paint(u, scene)],
        setCursor: [(u) => this.hover(u)],
        setSelect: [() => this.options.onZoom?.(true)],
      },
    };
  }

  private hover(u: uPlot): void {
    const left = u.cursor.left ?? -1;
    const nearest = left < 0 ? null : this.nearest(u.posToVal(left, "x") * 1000);
    this.readout.hidden = nearest === null;
    if (!nearest) return;
    const unit = this.scene.unit;
    this.readout.textContent = `${clockTime(nearest[0])}  ·  ${floored(nearest[1], unit)} ${sign(unit)}`;
  }

  private nearest(t: number): Point | null {
    const { points } = this.scene;
    let low = 0;
    let high = points.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((points[middle]?.[0] ?? 0) < t) low = middle + 1;
      else high = middle;
    }
    const [after, before] = [points[low], points[low - 1]];
    if (after && before && t - before[0] < after[0] - t) return before;
    return after ?? null;
  }

  /** Follows the size of its place and the theme. */
  private follow(): void {
    new ResizeObserver(() => this.plot.setSize(this.size())).observe(this.host);
    new MutationObserver(() => {
      this.scene.palette = readPalette(this.host);
      this.plot.redraw(false);
    }).observe(document.documentElement, { attributeFilter: ["class"] });
  }
}
