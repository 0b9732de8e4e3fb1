// A page's way to the live stream: through the worker all tabs share, or directly where there is none.
import { LiveConnection } from "./live-connection";
import type { LinkState, LiveName, LiveSink } from "./live-events";

type FromWorker = { kind: "event"; name: LiveName; data: unknown } | { kind: "link"; state: LinkState };

/** Opens `address` (path and topics) and keeps it open as long as the page is shown. */
export function openStream(address: string, worker: string, sink: LiveSink): void {
  let close = connect(address, worker, sink);
  addEventListener("pagehide", () => close());
  addEventListener("pageshow", (event) => {
    if (event.persisted) close = connect(address, worker, sink);
  });
}

function connect(address: string, worker: string, sink: LiveSink): () => void {
  if (typeof SharedWorker === "undefined" || !navigator.locks) {
    const direct = new LiveConnection(address, sink);
    return () => direct.close();
  }
  return throughWorker(address, worker, sink);
}

function throughWorker(address: string, worker: string, sink: LiveSink): () => void {
  const url = new URL(address, location.href);
  const { port } = new SharedWorker(worker, { name: "live" });
  const lock = `live-tab-${crypto.randomUUID()}`;
  let release: () => void = () => undefined;
  port.onmessage = (message: MessageEvent<FromWorker>) => {
    if (message.data.kind === "link") sink.link(message.data.state);
    else sink.event(message.data.name, message.data.data);
  };
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  // The worker waits for this lock to learn that the tab is gone, so it must be ours before the worker asks.
  void navigator.locks.request(lock, () => {
    port.postMessage({ kind: "open", path: url.pathname, topics: url.searchParams.getAll("topic"), lock });
    return held;
  });
  return () => {
    port.postMessage({ kind: "close" });
    release();
  };
}
