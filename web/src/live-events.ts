// The messages of the live stream, as the server sends them.

/** A colour band. */
export type Band = "normal" | "watch" | "critical";

/** The newest value of a device. */
export interface Reading {
  device: string;
  t: number;
  c: number;
  shown: { celsius: string; fahrenheit: string };
  band: Band;
  quality: "good" | "low" | "implausible";
  reliability: number | null;
  battery: number | null;
  wifi: number | null;
  firmware: string | null;
  receivedAt: number;
  treatment: string | null;
}

/** One alert that is not over. */
export interface Alert {
  id: string;
  kind: "temperature" | "no_data" | "low_reliability";
  level: number;
  limit: string | null;
  value: string | null;
  escalation: number;
  raisedAt: number;
  state: "active" | "acknowledged" | "latched";
  acknowledgedBy: string | null;
  silentUntil: number | null;
}

/** The whole alarm state of a device; each message replaces the former. */
export interface Alarm {
  device: string;
  treatment: string | null;
  banner: "none" | "watch" | "critical" | "technical";
  sound: boolean;
  alerts: Alert[];
}

/** Whether a device was seen lately. */
export interface Presence {
  device: string;
  status: "online" | "offline" | "unknown";
  seenAt: number | null;
}

/** The treatment that runs on a device. */
export interface Treatment {
  device: string;
  id: string | null;
  status: "in_progress" | "completed" | "aborted" | null;
  startedAt: number | null;
  endedAt: number | null;
}

/** Every message by its name. */
export interface LiveEvents {
  reading: Reading;
  alarm: Alarm;
  presence: Presence;
  treatment: Treatment;
  clock: { now: number };
  end: { reason: "signed_out" | "right_ended" | "shutdown" };
}

/** Name of a message. */
export type LiveName = keyof LiveEvents;

/** The names, to subscribe. */
export const LIVE_NAMES: LiveName[] = ["reading", "alarm", "presence", "treatment", "clock", "end"];

/** `refused`: the server answered, but not with a stream. */
export type LinkState = "up" | "down" | "refused";

/** Where a connection delivers to. */
export interface LiveSink {
  event(name: LiveName, data: unknown): void;
  link(state: LinkState): void;
}
