import { ChannelError } from "../src/index.ts";
import type { ChannelFor } from "../src/index.ts";
import { $ } from "./dom.ts";

export type Demo = ChannelFor<"demo:*">;

/** How soon one is reminded, in milliseconds. */
const SOON_MS = 5_000;

/** What the channel's own code does: it rolls, counts and reminds, and shows how far it has counted. */
export class Game {
  readonly #user: string;
  readonly #told = $("told");

  constructor(demo: Demo, user: string, signal: AbortSignal) {
    this.#user = user;
    this.#told.textContent = "Asked here, answered by the channel itself.";
    this.#counted(demo.snapshot?.count ?? 0);
    demo.onSnapshot(({ count }) => this.#counted(count), { signal });
    demo.on("rolled", ({ data }) => this.#tell(`${this.#name(data.by)} rolled ${data.n}.`), { signal });
    demo.on("reminded", ({ data }) => this.#tell(`${this.#name(data.by)} wanted to be reminded of ${data.text}.`), { signal });
    this.#button("roll", signal, async () => void (await demo.call("roll", { sides: 6 })));
    // Remembered: where the connection breaks it is asked again, and counts once.
    this.#button("count-one", signal, async () => this.#counted((await demo.call("count", {})).count));
    this.#button("remind", signal, async () => {
      await demo.call("remind", { after_ms: SOON_MS, text: "tea" });
      this.#tell("In five seconds, also if the channel sleeps until then.");
    });
    const shown = (): void => void ($("game").hidden = demo.connection.state === "closed");
    demo.connection.on("state", shown, { signal });
    shown();
  }

  #button(id: string, signal: AbortSignal, run: () => Promise<void>): void {
    const pressed = (): void => {
      run().catch((error: unknown) => {
        if (error instanceof ChannelError && error.code !== "closed") this.#tell(error.message);
      });
    };
    $(id).addEventListener("click", pressed, { signal });
  }

  #counted(count: number): void {
    $("counted").textContent = `counted ${count}`;
  }

  #tell(text: string): void {
    this.#told.textContent = text;
  }

  #name(user: string): string {
    return user === this.#user ? "You" : user;
  }
}
