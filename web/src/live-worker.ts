// Shared by all tabs of a browser: one EventSource carries every tab's topics (six streams would block the origin).
import { LiveConnection } from "./live-connection";
import type { LinkState, LiveName } from "./live-events";

interface Tab {
  port: MessagePort;
  path: string;
  topics: string[];
}

/** What a tab says. */
type FromTab = { kind: "open"; path: string; topics: string[]; lock: string } | { kind: "close" };

const tabs = new Set<Tab>();
const last = new Map<string, { name: LiveName; data: unknown }>();
let connection: LiveConnection | null = null;
let address = "";
let link: LinkState = "down";

addEventListener("connect", (event) => {
  const port = (event as MessageEvent).ports[0];
  if (!port) return;
  const tab: Tab = { port, path: "", topics: [] };
  port.onmessage = (message: MessageEvent<FromTab>) => {
    if (message.data.kind === "close") return drop(tab);
    tab.path = message.data.path;
    tab.topics = message.data.topics;
    tabs.add(tab);
    // The tab holds this lock while it lives: getting it means that the tab is gone, however it ended.
    void navigator.locks?.request(message.data.lock, () => drop(tab));
    connect(tab);
  };
});

function drop(tab: Tab): void {
  if (!tabs.delete(tab)) return;
  tab.port.close();
  if (tabs.size === 0) {
    connection?.close();
    connection = null;
    address = "";
    last.clear();
  }
}

/** Opens the stream of all topics, or gives a newcomer what is already known. */
function connect(newcomer: Tab): void {
  const topics = [...new Set([...tabs].flatMap((tab) => tab.topics))].sort();
  const wanted = `${newcomer.path}?${topics.map((topic) => `topic=${encodeURIComponent(topic)}`).join("&")}`;
  if (connection && wanted === address) {
    newcomer.port.postMessage({ kind: "link", state: link });
    for (const { name, data } of last.values()) send(newcomer, name, data);
    return;
  }
  connection?.close();
  last.clear();
  address = wanted;
  connection = new LiveConnection(wanted, { event: deliver, link: tell });
}

function deliver(name: LiveName, data: unknown): void {
  const device = (data as { device?: string }).device;
  // An old clock would be wrong; everything else has a last value.
  if (device) last.set(`${name} ${device}`, { name, data });
  for (const tab of tabs) send(tab, name, data);
  if (name === "end") {
    connection = null;
    address = "";
    last.clear();
  }
}

function tell(state: LinkState): void {
  link = state;
  for (const tab of tabs) tab.port.postMessage({ kind: "link", state });
}

function send(tab: Tab, name: LiveName, data: unknown): void {
  const device = (data as { device?: string }).device;
  if (device && !tab.topics.includes(`device:${device}`)) return;
  tab.port.postMessage({ kind: "event", name, data });
}
