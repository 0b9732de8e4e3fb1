// A thermometer as the device API knows it: one reading a second, each kept once it is acknowledged.

const EVERY_MS = 1_000;
/** How fast the value moves towards its target, in °C a reading. */
const SLOPE = 0.25;

export class Thermometer {
  /** What was acknowledged: `{ t, c }`, device time in milliseconds and °C. */
  readings = [];
  #target = 37.6;
  #value = 37.6;
  #timer = null;
  #posting = Promise.resolve();
  #failure = null;

  constructor(base, credential) {
    this.api = `${base}/physiotraq/api/v1`;
    this.credential = credential;
  }

  async #send(path, body) {
    const answer = await fetch(this.api + path, {
      method: "POST",
      headers: { authorization: `Bearer ${this.credential}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
    return answer.json();
  }

  /** Makes itself heard without measuring. */
  heartbeat() {
    return this.#send("/devices/heartbeat", { battery_level: 87, wifi_strength: -61, firmware_version: "03.1.0" });
  }

  /** Posts one reading of now, from which the value then goes on; resolves when it is acknowledged. */
  post(celsius) {
    this.#value = celsius;
    return this.#record(celsius);
  }

  async #record(celsius) {
    const t = Date.now();
    const answer = await this.#send("/measurements", {
      temperature: celsius,
      measured_at: t,
      reliability: 97,
      battery_level: 87,
      battery_voltage: 3.91,
      wifi_ssid: "Hospital-WiFi",
      wifi_strength: -61,
      firmware_version: "03.1.0",
    });
    if (answer.stored !== 1) throw new Error(`the reading was not stored: ${JSON.stringify(answer)}`);
    this.readings.push({ t, c: celsius });
  }

  /** Measures every second; the value goes to the target and stays around it, never below. */
  hold(celsius) {
    this.#target = celsius;
    if (this.#timer) return;
    this.#timer = setInterval(() => {
      this.#posting = this.#posting.then(() => this.#measure()).catch((error) => {
        this.#failure ??= error;
      });
    }, EVERY_MS);
  }

  #measure() {
    const away = this.#target - this.#value;
    this.#value += Math.sign(away) * Math.min(Math.abs(away), SLOPE);
    const wobble = Math.abs(away) < SLOPE ? (1 + Math.sin(this.readings.length / 3)) * 0.03 : 0;
    return this.#record(Number((this.#value + wobble).toFixed(3)));
  }

  /** Stops measuring, once what is under way is acknowledged. */
  async pause() {
    clearInterval(this.#timer);
    this.#timer = null;
    await this.#posting;
    if (this.#failure) throw this.#failure;
  }
}
