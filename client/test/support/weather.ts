import type { FakeSocket, World } from "./world.ts";

/** What the fake service and the way to it do to a client, each as a share of 1 unless told otherwise. */
export interface Weather {
  readonly random: () => number;
  /** The longest a text is on its way, in milliseconds. */
  readonly delay: number;
  /** How often a text in either direction breaks the connection instead of arriving. */
  readonly cut: number;
  /** How often a text, and all behind it, is held up for as long as a minute. */
  readonly stall: number;
  /** How often one direction falls silent for good while the socket stays open. */
  readonly mute: number;
  /** How often the other side begins to close and never ends. */
  readonly halfClose: number;
  /** How often a join is answered up to 20 s late. */
  readonly lateJoin: number;
  /** How often a live message is not told, so that a gap is seen (D6). */
  readonly forget: number;
  /** How often a request is refused with `internal`. */
  readonly refuse: number;
  /** How often a request is refused for good. */
  readonly refuseForGood: number;
  /** A replay of more than this many messages is `behind` (D4), and a page of history has no more than a third of them. */
  readonly replay: number;
  /** The newest so many messages are held; what is older is `lost` (D9). */
  readonly held: number;
  /** Publishes of `say` a second a user, and how many at once. */
  readonly rate: { readonly perSecond: number; readonly burst: number };
}

/** The service as it is on a good day, with the contract and the limits that it has by default. */
export const fair: Weather = {
  random: () => 0.5,
  delay: 2,
  cut: 0,
  stall: 0,
  mute: 0,
  halfClose: 0,
  lateJoin: 0,
  forget: 0,
  refuse: 0,
  refuseForGood: 0,
  replay: Infinity,
  held: 1_000,
  rate: { perSecond: 10, burst: 30 },
};

/** The longest a stall lasts, in milliseconds: longer than a client waits for an answer. */
const STALL_MS = 60_000;
/** When the service takes a client for gone of which it hears nothing (R6), in milliseconds. */
const SILENT_MS = 90_000;

type Direction = "up" | "down";

/** The way of one connection: it carries texts late, in order, or not at all. */
export class Way {
  readonly #world: World;
  readonly #weather: Weather;
  readonly #socket: FakeSocket;
  readonly #gone: () => void;
  readonly #storm: () => boolean;
  readonly #count: (what: string) => void;
  /** When the last text of each direction arrives: none overtakes another. */
  readonly #last = { up: 0, down: 0 };
  readonly #mute = new Set<Direction>();
  #state: "up" | "down" = "up";

  /** `gone` is called once, when the service notices that nothing comes any more. */
  constructor(world: World, weather: Weather, socket: FakeSocket, storm: () => boolean, count: (what: string) => void, gone: () => void) {
    this.#world = world;
    this.#weather = weather;
    this.#socket = socket;
    this.#storm = storm;
    this.#count = count;
    this.#gone = gone;
    socket.onClosing = (code) => this.carry("up", () => this.end(code));
    socket.onCut = () => this.#leave();
  }

  /** Carries a text one way; `arrive` is called where and when it arrives. */
  carry(direction: Direction, arrive: () => void, late = 0): void {
    const { random, delay, cut, stall, mute, halfClose } = this.#weather;
    const dice = this.#storm() ? random() : 1;
    const stalled = dice < stall ? random() * STALL_MS : 0;
    if (stalled) this.#count("stalls");
    const now = this.#world.now;
    const at = (this.#last[direction] = Math.max(this.#last[direction], now + random() * delay) + stalled + late);
    const fate = this.#storm() ? random() : 1;
    this.#world.after(at - now, () => {
      if (this.#state === "down" || this.#mute.has(direction)) return;
      if (fate < cut) return this.#break();
      if (fate < cut + mute) return this.#silence(direction);
      if (fate < cut + mute + halfClose) return this.#halfClose();
      // A client that is closing reads no more; what it said before is still heard.
      if (direction === "up" || this.#socket.readyState === 1) arrive();
    });
  }

  /** The connection breaks, and both ends see it. */
  cut(): void {
    if (this.#state === "up") this.#break();
  }

  /** The service, or the client, has closed. */
  end(code: number): void {
    if (this.#state === "down") return;
    this.#leave();
    void this.#socket.end(code);
  }

  #break(): void {
    this.#count("cuts");
    this.#leave();
    void this.#socket.end(1006);
  }

  #silence(direction: Direction): void {
    this.#count("mutes");
    this.#mute.add(direction);
    this.#world.after(SILENT_MS, () => this.cut());
  }

  #halfClose(): void {
    this.#count("half_closes");
    this.#socket.halfClose();
    this.#leave();
  }

  #leave(): void {
    if (this.#state === "down") return;
    this.#state = "down";
    this.#gone();
  }
}
