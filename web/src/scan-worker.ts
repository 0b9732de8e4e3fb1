// Looks for a QR code in pictures, away from the page's own thread.
import jsQR from "jsqr";

interface Picture {
  data: ArrayBuffer;
  width: number;
  height: number;
}

addEventListener("message", (event: MessageEvent<Picture>) => {
  const { data, width, height } = event.data;
  const code = jsQR(new Uint8ClampedArray(data), width, height, { inversionAttempts: "dontInvert" });
  (self as unknown as Worker).postMessage(code?.data ?? null);
});
