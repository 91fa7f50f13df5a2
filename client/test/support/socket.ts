import { setImmediate } from "node:timers/promises";
import type { SocketLike } from "../../src/runtime.ts";

export type Frame = Record<string, unknown> & { readonly type: string };

/** Nobody but the test ends the socket. */
export const ignored = (): void => {};

/** A socket whose other end is the test. */
export class FakeSocket implements SocketLike {
  readonly url: URL;
  readonly protocols: readonly string[];
  readyState = 1;
  /** Texts the client sent that the test has not looked at yet. */
  readonly texts: string[] = [];
  /** The code the client closed with; `none` where it gave none. */
  closedWith: number | "none" | undefined;
  /** Called when the client closes. */
  onClosing: (code: number) => void = ignored;
  /** Called when the connection breaks by which this was a share of one. */
  onCut: () => void = () => {};
  /** Called with each text the client sends. */
  onText: (text: string) => void = (text) => void this.texts.push(text);
  onopen: SocketLike["onopen"] = null;
  onmessage: SocketLike["onmessage"] = null;
  onerror: SocketLike["onerror"] = null;
  onclose: SocketLike["onclose"] = null;

  constructor(url: string, protocols: string[]) {
    this.url = new URL(url);
    this.protocols = protocols;
  }

  send(text: string): void {
    if (this.readyState === 1) this.onText(text);
  }

  close(code?: number): void {
    if (this.readyState > 1) return;
    this.readyState = 2;
    this.closedWith = code ?? "none";
    this.onClosing(code ?? 1005);
  }

  /** It can send. */
  open(): void {
    if (this.readyState > 0) return;
    this.readyState = 1;
    this.onopen?.({} as never);
  }

  /** The other side begins to close, and never ends. */
  halfClose(): void {
    this.readyState = 2;
  }

  /** The service says these frames: one alone as an object, several as an array. */
  async say(...frames: object[]): Promise<void> {
    await this.text(JSON.stringify(frames.length === 1 ? frames[0] : frames));
  }

  async text(data: string): Promise<void> {
    this.onmessage?.({ data } as never);
    await setImmediate();
  }

  /** The connection is over, as the client's runtime tells it. */
  async end(code = 1006, reason = ""): Promise<void> {
    this.readyState = 3;
    this.onclose?.({ code, reason } as never);
    await setImmediate();
  }

  /** The frames the client sent since the last look, arrays taken apart, pings left out. */
  heard(): Frame[] {
    return this.heardTexts().flatMap((text) => JSON.parse(text) as Frame | Frame[]);
  }

  /** The texts the client sent since the last look, pings left out. */
  heardTexts(): string[] {
    return this.texts.splice(0).filter((text) => text !== "ping");
  }

  /** The only frame the client sent since the last look. */
  heardOne(): Frame {
    const frames = this.heard();
    if (frames.length !== 1) throw new Error(`One frame was expected, not ${JSON.stringify(frames)}.`);
    return frames[0] as Frame;
  }
}
