// Banner, list of alerts with their acknowledgement, sound. All of it follows the alarm messages alone.
import { announce } from "./announce";
import type { Alarm, Alert } from "./live-events";
import { AlarmSound, type Voice } from "./sound";
import { floored, sign, type Unit } from "./temperature";
import { clockTime, duration, fill, need, put } from "./words";

/** Shows the alarm state of one device. */
export class AlarmView {
  private readonly banner = need("alarm-banner");
  private readonly list = need("alarm-list");
  private readonly failed = need("alarm-failed");
  private readonly sound: AlarmSound;
  private alarm: Alarm | null = null;
  private shown = "";

  constructor(
    private readonly texts: DOMStringMap,
    private unit: Unit,
  ) {
    this.sound = new AlarmSound(texts.device ?? "", need("sound-unlock"));
    this.list.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.acknowledge(event.target as HTMLFormElement);
    });
  }

  /** A new alarm state. */
  update(alarm: Alarm, now: number): void {
    const before = this.alarm?.banner ?? this.banner.dataset.banner;
    this.alarm = alarm;
    this.failed.hidden = true;
    this.banner.hidden = alarm.banner === "none";
    this.banner.dataset.banner = alarm.banner;
    put(need("alarm-title"), this.title(alarm));
    put(need("alarm-order"), alarm.banner === "critical" ? (this.texts.textBannerStop ?? "") : "");
    if (alarm.banner !== before && alarm.banner !== "none") {
      announce(`${this.title(alarm)}. ${alarm.banner === "critical" ? (this.texts.textBannerStop ?? "") : ""}`, true);
    }
    this.tick(now);
  }

  /** Changes the unit of the limits. */
  units(unit: Unit, now: number): void {
    this.unit = unit;
    this.tick(now);
  }

  /** Once a second: countdown of the pause, end of the silence. */
  tick(now: number): void {
    if (!this.alarm) return;
    this.sound.say(voiceOf(this.alarm, now));
    this.rows(this.alarm, now);
  }

  private title(alarm: Alarm): string {
    if (alarm.banner === "none") return "";
    const titles = {
      critical: this.texts.textBannerCritical,
      watch: this.texts.textBannerWatch,
      technical: this.texts.textBannerTechnical,
    };
    return titles[alarm.banner] ?? "";
  }

  /** Rebuilt only when something but the countdown changed, so that a focused button keeps its focus. */
  private rows(alarm: Alarm, now: number): void {
    const state = JSON.stringify([this.unit, alarm.alerts.map((alert) => ({ ...alert, silentUntil: null }))]);
    if (state !== this.shown) {
      this.shown = state;
      this.list.replaceChildren(...alarm.alerts.map((alert) => this.row(alert)));
    }
    for (const alert of alarm.alerts) {
      const place = this.list.querySelector(`[data-alert="${CSS.escape(alert.id)}"] .alarm-silent`);
      const left = (alert.silentUntil ?? 0) - now;
      if (place) put(place, left > 0 ? fill(this.texts.textSilent, { time: duration(left) }) : "");
    }
  }

  private row(alert: Alert): HTMLElement {
    const item = document.createElement("li");
    item.dataset.alert = alert.id;
    const parts = [this.what(alert), clockTime(alert.raisedAt)];
    if (alert.escalation > 0) parts.push(this.texts.textEscalated ?? "");
    item.append(line("m-0", parts.join(" · ")));
    if (alert.acknowledgedBy) {
      item.append(line("m-0 font-medium", fill(this.texts.textAcknowledged, { name: alert.acknowledgedBy })));
    } else if (this.texts.mayOperate === "true") {
      item.append(this.form(alert));
    }
    item.append(line("alarm-silent m-0 text-sm", ""));
    return item;
  }

  /** The limit and the value that crossed it, or what the equipment lacks. */
  private what(alert: Alert): string {
    if (alert.kind === "no_data") return this.texts.textNoData ?? "";
    if (alert.kind === "low_reliability") return this.texts.textLowReliability ?? "";
    const unit = sign(this.unit);
    const limit = `${floored(Number(alert.limit), this.unit)} ${unit}`;
    const value = `${floored(Number(alert.value), this.unit)} ${unit}`;
    return fill(this.texts.textCrossed, { limit, value });
  }

  private form(alert: Alert): HTMLFormElement {
    const form = document.createElement("form");
    form.method = "post";
    form.action = this.texts.acknowledge ?? "";
    const field = document.createElement("input");
    field.type = "hidden";
    field.name = "alert";
    field.value = alert.id;
    const button = document.createElement("button");
    button.className = "acknowledge";
    button.textContent =
      alert.kind === "temperature"
        ? fill(this.texts.textAcknowledge, { level: alert.level })
        : (this.texts.textAcknowledgeTechnical ?? "");
    form.append(field, button);
    return form;
  }

  /** Sent without leaving the page, so that curve and sound go on; the stream then brings the new state. */
  private async acknowledge(form: HTMLFormElement): Promise<void> {
    const button = form.querySelector("button");
    if (button) button.disabled = true;
    try {
      const body = new URLSearchParams([...new FormData(form)].map(([name, value]) => [name, String(value)]));
      const answer = await fetch(form.action, { method: "post", body, redirect: "manual" });
      if (answer.type !== "opaqueredirect" && !answer.ok) throw new Error(String(answer.status));
    } catch {
      if (button) button.disabled = false;
      this.failed.hidden = false;
      put(this.failed, this.texts.textAcknowledgeFailed ?? "");
      announce(this.texts.textAcknowledgeFailed ?? "", true);
    }
  }
}

/** The voice that may be heard now: none while every alert that asks for it is paused by its acknowledgement. */
function voiceOf(alarm: Alarm, now: number): Voice | null {
  if (!alarm.sound || alarm.banner === "none" || alarm.banner === "technical") return null;
  const loud = alarm.alerts.filter((alert) => (alert.silentUntil ?? 0) <= now);
  if (loud.length === 0) return null;
  return loud.some((alert) => alert.level >= 40) ? "critical" : "watch";
}

function line(className: string, text: string): HTMLElement {
  const element = document.createElement("p");
  element.className = className;
  element.textContent = text;
  return element;
}
