// A client without manners: a bare TCP connection that sends what it is told and closes nothing by itself.
import { connect, type Socket } from "node:net";

export class Raw {
  readonly socket: Socket;
  #heard = "";

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding("latin1").on("data", (text: string) => this.#heard += text);
    socket.on("error", () => {});
  }

  /** Connects to where a service is, and sends a text. */
  static async send(to: URL, text: string): Promise<Raw> {
    const socket = connect(Number(to.port), to.hostname);
    const raw = new Raw(socket);
    await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    socket.write(text);
    return raw;
  }

  /** What was heard so far, once it has what is waited for. */
  async heard(wanted: RegExp, patience = 15_000): Promise<string> {
    const end = performance.now() + patience;
    while (!wanted.test(this.#heard)) {
      const left = end - performance.now();
      if (left <= 0 || this.socket.closed) throw new Error(`${wanted} was not heard in ${Math.round(patience - left)} ms, but ${JSON.stringify(this.#heard)}`);
      await new Promise<void>((resolve) => {
        const wake = () => {
          clearTimeout(timer);
          for (const event of ["data", "close"]) this.socket.off(event, wake);
          resolve();
        };
        const timer = setTimeout(wake, left);
        for (const event of ["data", "close"]) this.socket.once(event, wake);
      });
    }
    return this.#heard;
  }
}

/** The head of a request. */
export function head(method: string, path: string, headers: Record<string, string>): string {
  return [`${method} ${path} HTTP/1.1`, "Host: dormouse.test", ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`), "", ""].join("\r\n");
}
