// One EventSource that comes back by itself and notices a line that is silently dead.
import { LIVE_NAMES, type LiveName, type LiveSink } from "./live-events";

/** The server sends a clock every 15 s; after this silence the line is taken for dead. */
const SILENCE_MS = 40_000;
const RETRY_MS = [1_000, 2_000, 4_000, 8_000, 15_000];

/** A live stream kept open until `close`. */
export class LiveConnection {
  private source: EventSource | null = null;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private watchdog: ReturnType<typeof setInterval>;
  private heardAt = Date.now();
  private failures = 0;
  private closed = false;

  constructor(
    private readonly url: string,
    private readonly sink: LiveSink,
  ) {
    this.watchdog = setInterval(() => this.watch(), 5_000);
    this.open();
  }

  /** Ends it for good. */
  close(): void {
    this.closed = true;
    clearInterval(this.watchdog);
    clearTimeout(this.retry);
    this.source?.close();
  }

  private open(): void {
    this.heardAt = Date.now();
    const source = new EventSource(this.url);
    this.source = source;
    source.onopen = () => {
      this.failures = 0;
      this.heardAt = Date.now();
      this.sink.link("up");
    };
    source.onerror = () => {
      const refused = source.readyState === EventSource.CLOSED;
      this.sink.link(refused ? "refused" : "down");
      this.reopen();
    };
    for (const name of LIVE_NAMES) {
      source.addEventListener(name, (event) => this.deliver(name, (event as MessageEvent<string>).data));
    }
  }

  private deliver(name: LiveName, text: string): void {
    this.heardAt = Date.now();
    const data = JSON.parse(text) as { reason?: string };
    if (name === "end" && data.reason === "shutdown") {
      this.sink.link("down");
      this.reopen();
      return;
    }
    this.sink.event(name, data);
    if (name === "end") this.close();
  }

  private watch(): void {
    if (this.source?.readyState !== EventSource.OPEN || Date.now() - this.heardAt < SILENCE_MS) return;
    this.sink.link("down");
    this.reopen();
  }

  /** Our own retry instead of the browser's: a refused stream is never retried by it. */
  private reopen(): void {
    this.source?.close();
    clearTimeout(this.retry);
    if (this.closed) return;
    const wait = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)] ?? 15_000;
    this.failures += 1;
    this.retry = setTimeout(() => this.open(), wait);
  }
}
