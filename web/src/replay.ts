// A recorded treatment: the whole curve with zoom, and the session played again at a chosen speed.
import { announce } from "./announce";
import { TemperatureChart } from "./chart";
import { type CurveAnswer, fetchCurve, GAP_MS, type Point } from "./curve-data";
import { bandOf, floored, sign, type Unit } from "./temperature";
import { clockTime, fill, need, put, stopwatch, zone } from "./words";

const STEPS = 1000;

class Replay {
  private readonly root = need("replay");
  private readonly data = this.root.dataset;
  private readonly unit: Unit = this.data.unit === "fahrenheit" ? "fahrenheit" : "celsius";
  private readonly seek = need<HTMLInputElement>("seek");
  private readonly speed = need<HTMLSelectElement>("speed");
  private chart: TemperatureChart | null = null;
  private points: Point[] = [];
  private from = 0;
  private to = 1;
  private at = 0;
  private frame = 0;
  private before = 0;

  async start(): Promise<void> {
    const message = need("curve-message");
    try {
      const answer = await fetchCurve(this.data.curve ?? "");
      if (answer.points.length === 0) {
        put(message, this.data.textEmpty ?? "");
        need("curve").hidden = true;
        return;
      }
      message.hidden = true;
      this.show(answer);
    } catch {
      put(message, this.data.textFailed ?? "");
      need("curve").hidden = true;
      announce(this.data.textFailed ?? "");
    }
  }

  private show(answer: CurveAnswer): void {
    this.points = answer.points;
    const first = this.points[0]?.[0] ?? 0;
    const last = this.points.at(-1)?.[0] ?? 0;
    this.from = Math.min(answer.startedAt ?? first, first);
    this.to = Math.max(answer.endedAt ?? last, last);
    const zoomOut = need("zoom-out");
    this.chart = new TemperatureChart(need("curve"), {
      unit: this.unit,
      zoom: true,
      onZoom: (zoomed) => {
        zoomOut.hidden = !zoomed;
      },
    });
    const margin = (this.to - this.from) * 0.02;
    this.chart.show(this.points, this.from - margin, this.to + margin);
    this.chart.marks(answer);
    zoomOut.addEventListener("click", () => this.chart?.zoomOut());
    const max = answer.max ? `${floored(answer.max.c, this.unit)} ${sign(this.unit)}` : "–";
    need("curve").setAttribute("aria-label", fill(this.data.textSummary, { count: this.points.length, max }));
    const place = document.createElement("li");
    place.textContent = zone();
    this.root.querySelector(".legend")?.append(place);
    this.controls();
  }

  private controls(): void {
    need("replay-bar").hidden = false;
    need("play").addEventListener("click", () => (this.frame ? this.pause() : this.play()));
    this.seek.addEventListener("input", () => {
      this.at = this.from + (Number(this.seek.value) / STEPS) * (this.to - this.from);
      this.paint();
    });
    this.at = this.from;
    this.paint(false);
  }

  private play(): void {
    if (this.at >= this.to) this.at = this.from;
    this.before = performance.now();
    const step = (now: number): void => {
      this.at = Math.min(this.to, this.at + (now - this.before) * Number(this.speed.value));
      this.before = now;
      this.paint();
      if (this.at >= this.to) this.pause();
      else this.frame = requestAnimationFrame(step);
    };
    this.frame = requestAnimationFrame(step);
    this.button(true);
  }

  private pause(): void {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.button(false);
  }

  private button(playing: boolean): void {
    const button = need("play");
    button.setAttribute("aria-pressed", String(playing));
    const icon = button.querySelector<SVGUseElement>("use");
    icon?.setAttribute("href", (playing ? icon.dataset.pause : icon.dataset.play) ?? "");
    const text = button.querySelector("span");
    if (text) put(text, (playing ? this.data.textPause : this.data.textPlay) ?? "");
  }

  private paint(marked = true): void {
    if (marked) this.chart?.position(this.at);
    this.seek.value = String(Math.round(((this.at - this.from) / (this.to - this.from)) * STEPS));
    const clock = `${stopwatch(this.at - this.from)} · ${clockTime(this.at)}`;
    put(need("replay-clock"), clock);
    this.seek.setAttribute("aria-valuetext", clock);
    const point = this.current();
    const reading = need("replay-reading");
    put(need("figure"), point ? floored(point[1], this.unit) : "–");
    put(need("figure-unit"), sign(this.unit));
    const band = point ? bandOf(point[1]) : null;
    reading.dataset.band = band ?? "none";
    const names = { normal: this.data.textNormal, watch: this.data.textWatch, critical: this.data.textCritical };
    put(need("replay-band"), (band ? names[band] : this.data.textGap) ?? "");
  }

  /** The value that stood on the screen at this moment; none inside an interruption. */
  private current(): Point | null {
    let low = 0;
    let high = this.points.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.points[middle]?.[0] ?? 0) <= this.at) low = middle + 1;
      else high = middle;
    }
    const point = this.points[low - 1];
    if (!point || point[2] === 2 || this.at - point[0] > GAP_MS) return null;
    return point;
  }
}

void new Replay().start();
