// Scanning a device's QR code: camera, torch where there is one, and what to do when there is no camera. What is read
// fills the form; the form works without any of this.
import { readCode } from "./device-code";

/** Pictures are made no wider than this before they are looked at: codes stay readable, phones stay cool. */
const WIDTH = 640;
const PAUSE = 120;

const section = document.getElementById("scan");
if (section) startScan(section);

function startScan(section: HTMLElement): void {
  const part = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
  const [start, stop, torch] = [part<HTMLButtonElement>("scan-start"), part<HTMLButtonElement>("scan-stop"), part<HTMLButtonElement>("scan-torch")];
  const [said, view] = [part("scan-said"), part<HTMLVideoElement>("scan-view")];
  const words = section.dataset;
  let stream: MediaStream | null = null;
  let worker: Worker | null = null;
  section.hidden = false;

  const say = (text: string | undefined): void => {
    said.textContent = text ?? "";
  };

  const close = (): void => {
    for (const track of stream?.getTracks() ?? []) track.stop();
    worker?.terminate();
    stream = worker = null;
    view.srcObject = null;
    view.hidden = stop.hidden = torch.hidden = true;
    start.hidden = false;
  };

  const open = async (): Promise<void> => {
    // Only secure pages have a camera at all.
    if (!navigator.mediaDevices) return say(words.textUnable);
    start.hidden = true;
    say(words.textAsking);
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: { ideal: "environment" } }, audio: false });
      view.srcObject = stream;
      view.hidden = stop.hidden = false;
      await view.play();
    } catch (error) {
      close();
      return say(refusal(words, error));
    }
    say(words.textLooking);
    offerTorch(torch, stream);
    worker = new Worker(words.worker ?? "");
    worker.addEventListener("message", (event: MessageEvent<string | null>) => heard(event.data));
    worker.addEventListener("error", () => (close(), say(words.textUnable)));
    look();
  };

  const heard = (text: string | null): void => {
    if (!stream) return;
    const code = text ? readCode(text) : null;
    if (code) {
      close();
      fill(code);
      return say(words.textFound);
    }
    if (text) say(words.textOther);
    setTimeout(look, PAUSE);
  };

  const look = (): void => {
    if (!worker || !stream) return;
    const picture = grab(view);
    if (picture) worker.postMessage({ data: picture.data.buffer, width: picture.width, height: picture.height }, [picture.data.buffer]);
    else setTimeout(look, PAUSE);
  };

  start.addEventListener("click", () => void open());
  stop.addEventListener("click", () => (close(), say("")));
  addEventListener("pagehide", close);
}

/** What the browser's refusal means, and what to do next. */
function refusal(words: DOMStringMap, error: unknown): string | undefined {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") return words.textRefused;
  if (name === "NotFoundError" || name === "OverconstrainedError") return words.textNone;
  return name === "NotReadableError" || name === "AbortError" ? words.textBusy : words.textUnable;
}

/** The picture of this moment; none while the camera is warming up. */
function grab(view: HTMLVideoElement): ImageData | null {
  if (view.readyState < HTMLMediaElement.HAVE_CURRENT_DATA || !view.videoWidth) return null;
  const scale = Math.min(1, WIDTH / view.videoWidth);
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [Math.round(view.videoWidth * scale), Math.round(view.videoHeight * scale)];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context?.drawImage(view, 0, 0, canvas.width, canvas.height);
  return context?.getImageData(0, 0, canvas.width, canvas.height) ?? null;
}

/** A button for the camera's light, where it has one that the browser can switch. */
function offerTorch(button: HTMLButtonElement, stream: MediaStream): void {
  const track = stream.getVideoTracks()[0];
  const able = track?.getCapabilities?.() as (MediaTrackCapabilities & { torch?: boolean }) | undefined;
  if (!track || !able?.torch) return;
  button.hidden = false;
  button.setAttribute("aria-pressed", "false");
  button.onclick = () => {
    const torch = button.getAttribute("aria-pressed") !== "true";
    void track
      .applyConstraints({ advanced: [{ torch } as MediaTrackConstraintSet] })
      .then(() => button.setAttribute("aria-pressed", String(torch)))
      .catch(() => (button.hidden = true));
  };
}

/** Fills the form; the name is what is left to type. */
function fill({ serial, secret }: { serial: string; secret: string }): void {
  const field = (id: string): HTMLInputElement => document.getElementById(id) as HTMLInputElement;
  field("serial_number").value = serial;
  if (secret) field("secret").value = secret;
  field(secret ? "name" : "secret").focus();
}
