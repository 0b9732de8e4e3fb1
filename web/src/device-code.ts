// What a device's QR code says: an address of ours with serial number and claim secret, or the bare serial number.

export interface DeviceCode {
  serial: string;
  secret: string;
}

/** The code's content; `null` for a code that is no device's. The address is only taken apart, never visited. */
export function readCode(text: string): DeviceCode | null {
  const serial = /^[A-Za-z0-9-]{3,40}$/;
  const bare = text.trim();
  if (serial.test(bare)) return { serial: bare, secret: "" };
  let address: URL;
  try {
    address = new URL(bare);
  } catch {
    return null;
  }
  const found = { serial: address.searchParams.get("serial") ?? "", secret: address.searchParams.get("secret") ?? "" };
  return serial.test(found.serial) && found.secret.length <= 200 ? found : null;
}
