// The line between a browser and the server, which can be cut: a TCP relay. Devices and the test itself go past it.
import { connect, createServer } from "node:net";

export class Line {
  #sockets = new Set();
  #cut = false;
  #server;

  /** A relay to `base`; its own address is `url`. */
  static async to(base) {
    const { hostname, port } = new URL(base);
    const line = new Line();
    line.#server = createServer((near) => line.#relay(near, { host: hostname, port: Number(port) }));
    await new Promise((ready) => line.#server.listen(0, "127.0.0.1", ready));
    line.url = `http://localhost:${line.#server.address().port}`;
    return line;
  }

  #relay(near, target) {
    if (this.#cut) return near.destroy();
    const far = connect(target);
    for (const [socket, other] of [[near, far], [far, near]]) {
      this.#sockets.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  }

  /** Nothing gets through any more, and what was open is broken. */
  cut() {
    this.#cut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend() {
    this.#cut = false;
  }

  close() {
    this.cut();
    this.#server.close();
  }
}
