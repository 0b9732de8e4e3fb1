// The large figure and everything that says how much it can be trusted: age, presence, line, reliability.
import type { Band, LinkState, Presence, Reading } from "./live-events";
import { decimal, sign, type Unit } from "./temperature";
import { announce } from "./announce";
import { duration, fill, need, put } from "./words";

/** A value whose last message is older looks stale. */
const STALE_MS = 15_000;
/** A value that was measured longer ago is late data, however recently it arrived. */
const LATE_MS = 60_000;

/** How live the shown value is. */
export type Freshness = "waiting" | "live" | "stale" | "offline" | "cut";

/** What the stage shows. */
export interface StageState {
  unit: Unit;
  reading: Reading | null;
  /** Time of the server-rendered value, until the first message. */
  firstAt: number | null;
  presence: Presence["status"];
  seenAt: number | null;
  /** `connecting` until the stream is heard or lost for the first time. */
  link: LinkState | "connecting";
}

/** Paints the stage. */
export class StageView {
  private readonly stage = need("stage");
  private readonly figure = need("figure");
  private readonly unit = need("figure-unit");
  private readonly freshness = need("freshness");
  private readonly band = need("band-text");
  private readonly update = need("last-update");
  private was: Freshness = "waiting";

  constructor(private readonly texts: DOMStringMap) {}

  /** The value and what came with it. */
  value(state: StageState): void {
    const { reading, unit } = state;
    put(this.unit, sign(unit));
    if (!reading) return;
    put(this.figure, decimal(reading.shown[unit]));
    this.stage.dataset.band = reading.band;
    this.stage.dataset.quality = reading.quality;
    put(this.band, this.bandText(reading));
    this.reliability(reading.reliability);
    put(need("battery"), reading.battery === null ? "–" : `${reading.battery} %`);
    put(need("wifi"), reading.wifi === null ? "–" : `${reading.wifi} dBm`);
    put(need("firmware"), reading.firmware ?? "–");
  }

  /** Age and liveness, computed with the server's clock. */
  age(state: StageState, now: number): void {
    const age = ageOf(state, now);
    const fresh = freshnessOf(state, age);
    this.stage.dataset.state = fresh;
    put(this.freshness, this.freshText(state, fresh, age, now));
    put(this.update, age === null ? "–" : fill(this.texts.textAge, { age: duration(age) }));
    this.tellChange(fresh);
  }

  private bandText(reading: Reading): string {
    if (reading.quality === "implausible") return this.texts.textImplausible ?? "";
    const names: Record<Band, string | undefined> = {
      normal: this.texts.textNormal,
      watch: this.texts.textWatch,
      critical: this.texts.textCritical,
    };
    const band = names[reading.band] ?? "";
    return reading.quality === "low" ? `${band} · ${this.texts.textLow ?? ""}` : band;
  }

  private reliability(score: number | null): void {
    need<SVGElement>("ring").setAttribute("stroke-dasharray", `${score ?? 0} 100`);
    put(need("reliability"), score === null ? "–" : `${score} %`);
  }

  private freshText(state: StageState, fresh: Freshness, age: number | null, now: number): string {
    const ago = age === null ? "" : duration(age);
    if (fresh === "cut") return age === null ? (this.texts.textCut ?? "") : `${this.texts.textCut ?? ""} · ${fill(this.texts.textStale, { age: ago })}`;
    if (fresh === "offline") {
      const seen = state.seenAt ?? state.reading?.receivedAt ?? state.firstAt;
      return seen === null ? (this.texts.textOfflineNever ?? "") : fill(this.texts.textOffline, { age: duration(now - seen) });
    }
    if (fresh === "stale") return fill(this.texts.textStale, { age: ago });
    if (fresh === "live") return this.texts.textLive ?? "";
    return age === null ? (this.texts.textNone ?? "") : fill(this.texts.textAge, { age: ago });
  }

  /** Losing or regaining the live value is worth saying; its age every second is not. */
  private tellChange(fresh: Freshness): void {
    if (fresh === this.was) return;
    const first = this.was === "waiting";
    this.was = fresh;
    if (!first) announce(this.freshness.textContent ?? "");
  }
}

function ageOf(state: StageState, now: number): number | null {
  const { reading, firstAt } = state;
  if (!reading) return firstAt === null ? null : Math.max(0, now - firstAt);
  const measured = now - reading.t;
  const received = Math.max(0, now - reading.receivedAt);
  return measured > LATE_MS ? measured : received;
}

function freshnessOf(state: StageState, age: number | null): Freshness {
  if (state.link === "connecting") return age !== null && age > STALE_MS ? "stale" : "waiting";
  if (state.link !== "up") return "cut";
  if (state.presence !== "online" && (age === null || age > STALE_MS)) return "offline";
  if (age === null) return "waiting";
  return age > STALE_MS ? "stale" : "live";
}
