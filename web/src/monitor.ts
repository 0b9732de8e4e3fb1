// The live screen of one device.
import { AlarmView } from "./alarm-view";
import { TemperatureChart } from "./chart";
import { CurveRefused, fetchCurve, merge, type Point } from "./curve-data";
import type { LinkState, LiveEvents, LiveName, Reading, Treatment } from "./live-events";
import { showNumbers } from "./numbers-view";
import { StageView, type StageState } from "./stage-view";
import { openStream } from "./stream";
import type { Unit } from "./temperature";
import { keepAwake } from "./wake";
import { need, put, stopwatch, zone } from "./words";

const WINDOW_MS = 30 * 60_000;
const QUALITY = { good: 0, low: 1, implausible: 2 } as const;

class Monitor {
  private readonly root = need("live");
  private readonly data = this.root.dataset;
  private readonly state: StageState = {
    unit: this.data.unit === "fahrenheit" ? "fahrenheit" : "celsius",
    reading: null,
    firstAt: this.data.at ? Number(this.data.at) : null,
    presence: (this.data.status ?? "unknown") as StageState["presence"],
    seenAt: null,
    link: "connecting",
  };
  private readonly stage = new StageView(this.data);
  private readonly alarm = new AlarmView(this.data, this.state.unit);
  private readonly chart = new TemperatureChart(need("curve"), { unit: this.state.unit, zoom: false });
  private readonly points: Point[] = [];
  private clockOffset = Number(this.data.serverNow) - Date.now();
  private leaving = false;
  private numbers = false;

  start(): void {
    this.wireUnit();
    this.wireViews();
    for (const form of this.root.querySelectorAll("form[data-leaves]")) {
      form.addEventListener("submit", () => {
        this.leaving = true;
      });
    }
    void this.load();
    openStream(this.data.stream ?? "", this.data.worker ?? "", {
      event: (name, data) => this.receive(name, data),
      link: (state) => this.linkChanged(state),
    });
    if (this.data.treatment) {
      keepAwake((awake) => put(need("wake"), (awake ? this.data.textAwake : this.data.textAsleep) ?? ""));
    }
    setInterval(() => this.tick(), 1000);
    this.tick();
  }

  private now(): number {
    return Date.now() + this.clockOffset;
  }

  private receive(name: LiveName, data: unknown): void {
    const hear: { [K in LiveName]: (event: LiveEvents[K]) => void } = {
      reading: (event) => this.reading(event),
      alarm: (event) => this.alarm.update(event, this.now()),
      presence: (event) => {
        this.state.presence = event.status;
        this.state.seenAt = event.seenAt;
      },
      treatment: (event) => this.treatment(event),
      clock: (event) => {
        this.clockOffset = event.now - Date.now();
      },
      end: () => this.reload(),
    };
    (hear[name] as (event: unknown) => void)(data);
    this.stage.age(this.state, this.now());
  }

  private reading(event: Reading): void {
    if (this.state.reading && event.t < this.state.reading.t) return;
    this.state.reading = event;
    this.stage.value(this.state);
    merge(this.points, [[event.t, event.c, QUALITY[event.quality]]]);
    this.draw();
  }

  /** A treatment started or ended elsewhere: the page is another one then. */
  private treatment(event: Treatment): void {
    const running = event.status === "in_progress" || event.status === null ? event.id : null;
    if ((running ?? "") !== (this.data.treatment ?? "")) this.reload();
  }

  private reload(): void {
    if (this.leaving) return;
    const key = "monitor-reloaded";
    const before = Number(sessionStorage.getItem(key) ?? 0);
    // A server that contradicts itself must not make the page flicker.
    if (Date.now() - before < 5_000) return;
    sessionStorage.setItem(key, String(Date.now()));
    location.reload();
  }

  private linkChanged(state: LinkState): void {
    const back = state === "up" && this.state.link !== "up" && this.state.link !== "connecting";
    this.state.link = state;
    if (back) void this.load(this.points.at(-1)?.[0]);
    if (state === "refused") void this.load(this.points.at(-1)?.[0], true);
    this.stage.age(this.state, this.now());
  }

  /** The curve, whole or what was missed; a refusal means that the page itself is no longer ours to see. */
  private async load(after?: number, refused = false): Promise<void> {
    const message = need("curve-message");
    try {
      const answer = await fetchCurve(this.data.curve ?? "", after);
      merge(this.points, answer.points);
      this.chart.marks({ limits: answer.limits, max: null, alerts: answer.alerts });
      message.hidden = this.points.length > 0;
      put(message, this.data.textCurveEmpty ?? "");
      this.draw();
    } catch (error) {
      if (refused && error instanceof CurveRefused && error.status < 500) return this.reload();
      if (this.points.length > 0) return;
      message.hidden = false;
      put(message, this.data.textCurveFailed ?? "");
    }
  }

  private draw(): void {
    const now = this.now();
    if (this.points.length > 0) need("curve-message").hidden = true;
    this.chart.show(this.points, now - WINDOW_MS, now);
    if (this.numbers) showNumbers(this.points, this.state.unit, this.data);
  }

  private tick(): void {
    const now = this.now();
    this.stage.age(this.state, now);
    this.alarm.tick(now);
    if (this.data.started) put(need("elapsed"), stopwatch(now - Number(this.data.started)));
    // Without new values the window still moves on, so that the end of the curve shows how old it is.
    if (now - (this.state.reading?.receivedAt ?? 0) > 2_000 && this.points.length > 0) this.draw();
  }

  private wireUnit(): void {
    const form = need<HTMLFormElement>("unit-form");
    form.addEventListener("submit", (event) => {
      const button = (event as SubmitEvent).submitter as HTMLButtonElement | null;
      if (!button) return;
      event.preventDefault();
      this.useUnit(button.value === "fahrenheit" ? "fahrenheit" : "celsius");
      for (const other of form.querySelectorAll("button")) other.setAttribute("aria-pressed", String(other === button));
      const body = new URLSearchParams({ unit: button.value, back: location.pathname });
      // The screen has already changed; only the memory of it could fail, which the next visit shows.
      void fetch(form.action, { method: "post", body, redirect: "manual" }).catch(() => undefined);
    });
  }

  private useUnit(unit: Unit): void {
    if (unit !== this.state.unit && !this.state.reading) put(need("figure"), "–");
    this.state.unit = unit;
    this.stage.value(this.state);
    this.alarm.units(unit, this.now());
    this.chart.unit(unit);
    this.draw();
  }

  private wireViews(): void {
    const group = need("view-switch");
    group.hidden = false;
    group.addEventListener("click", (event) => {
      const button = (event.target as Element).closest<HTMLElement>("[data-view]");
      if (!button) return;
      this.numbers = button.dataset.view === "numbers";
      need("view-chart").hidden = this.numbers;
      need("view-numbers").hidden = !this.numbers;
      for (const other of group.querySelectorAll("button")) other.setAttribute("aria-pressed", String(other === button));
      this.draw();
    });
    const place = document.createElement("li");
    place.textContent = zone();
    this.root.querySelector(".legend")?.append(place);
  }
}

new Monitor().start();
