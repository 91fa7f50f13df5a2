import { Backoff } from "./backoff.ts";
import { guarded, onAbort } from "./emitter.ts";
import type { Emitter, ListenOptions } from "./emitter.ts";
import { aborted, advise, ChannelError, closeError, offline, quietly } from "./errors.ts";
import type { ChannelEvents, ConnectionEvents, StateChange } from "./events.ts";
import { Heartbeat } from "./heartbeat.ts";
import { Identity } from "./identity.ts";
import type { LinkLike } from "./link.ts";
import { withoutToken } from "./log.ts";
import { TABLE } from "./machine.ts";
import type { Effect, Happening, State } from "./machine.ts";
import { BAD_TOKEN, FORBIDDEN, JOIN_MS, LASTED_MS, NORMAL } from "./numbers.ts";
import { readFrames } from "./protocol.ts";
import type { AnswerFrame, Bye, ServiceFrame, Welcome } from "./protocol.ts";
import { patiently } from "./runtime.ts";
import type { ConnectionOptions, ConnectionPorts } from "./options.ts";
import type { Runtime } from "./runtime.ts";
import { heed } from "./surroundings.ts";
import type { TokenSource } from "./tokens.ts";

/** Carries out the table of machine.ts: one link at a time, its heartbeat, its token, and the way back. */
export class Connection {
  readonly #runtime: Runtime;
  readonly #ports: ConnectionPorts;
  #callOff = (): void => {};
  #state: State = "idle";
  /** Counts what was begun, so that a token that comes too late is not taken for the one asked for. */
  #turn = 1;
  readonly #options: ConnectionOptions;
  readonly #emitter: Emitter<ChannelEvents>;
  #abort = new AbortController();
  readonly #backoff: Backoff;
  readonly #heartbeat: Heartbeat;
  readonly #identity: Identity;
  #unheed = (): void => {};
  /** Whether the app has closed it: then nothing happens any more. */
  #over = false;
  readonly #queue: (() => void)[] = [];
  #link: LinkLike | null = null;
  #closing: Promise<void> = Promise.resolve();
  #openSince = Infinity;
  /** Attempts in a row that failed; -1 while the service has welcomed the last. */
  #failed = 0;
  #notBefore = 0;
  #retryIn: number | undefined;
  #error: ChannelError | undefined;
  /** By how much the service's clock is ahead of the runtime's; before it told the time, nothing has expired. */
  #clockAhead = -Infinity;
  /** The way to the service, and its clock, in milliseconds since 1970. */
  readonly #way = { send: (text: string) => this.#send(text), now: () => this.#runtime.now() + this.#clockAhead };
  #welcome: Welcome | null = null;
  /** The turn in which the service last said `welcome`. */
  #welcomedIn = 0;
  /** Pings that were not answered yet. */
  #pings = 0;
  #lastId: string | null = null;
  #closeWith: number | undefined;

  constructor(runtime: Runtime, ports: ConnectionPorts, options: ConnectionOptions) {
    this.#runtime = runtime;
    this.#ports = ports;
    this.#options = options;
    this.#emitter = ports.emitter;
    this.#backoff = new Backoff(runtime.random);
    this.#identity = new Identity(
      runtime,
      {
        over: () => this.#abort.signal,
        host: ports.host,
        now: this.#way.now,
        ask: ports.outbox.control,
        refused: (error) => this.happen("end_stop", error),
      },
      options.token,
    );
    this.#heartbeat = new Heartbeat(runtime, {
      ping: () => this.#send("ping"),
      silent: () => this.happen("silent", offline("The service does not answer.")),
      rtt: (ms) => this.#emitter.emit("rtt", ms),
    });
    this.#heed();
  }

  /** Where the connection stands. */
  get state(): State {
    return this.#state;
  }

  /** The id the service gave this connection; it stays through a reconnect where the service could keep it. */
  get id(): string | null {
    return this.#welcome?.connection ?? null;
  }

  /** What ended the connection last. */
  get error(): ChannelError | undefined {
    return this.#error;
  }

  /** Who the service says this is. */
  get user(): string | null {
    return this.#welcome?.user ?? null;
  }

  /** The last `welcome`: abilities, limits, the channel's head when it was said. */
  get welcome(): Welcome | null {
    return this.#welcome;
  }

  /** Calls `listener` for each such event until the returned function is called or `signal` aborts. */
  on<Name extends keyof ConnectionEvents>(
    name: Name,
    listener: (value: ConnectionEvents[Name]) => void,
    options?: ListenOptions,
  ): () => void {
    return this.#emitter.on(name, listener, options);
  }

  /** Calls `listener` for the next such event only. */
  once<Name extends keyof ConnectionEvents>(
    name: Name,
    listener: (value: ConnectionEvents[Name]) => void,
    options?: ListenOptions,
  ): () => void {
    return this.#emitter.once(name, listener, options);
  }

  /** Ends all listening of this listener here. */
  off(listener: (value: never) => void): void {
    this.#emitter.off(listener);
  }

  /** Settles once the connection stands there; rejects where the channel is over before, or `signal` aborts. */
  whenState(wanted: State, { signal }: ListenOptions = {}): Promise<void> {
    return quietly((resolve, reject) => {
      const look = ({ state, error }: Pick<StateChange, "state" | "error">): void => {
        if (state === wanted) resolve();
        else if (state === "closed" || signal?.aborted) reject(state === "closed" ? (error as ChannelError) : aborted());
        else return;
        offs.forEach((off) => off());
      };
      const offs = [this.on("state", look), onAbort(signal, () => look(this))];
      look(this);
    });
  }

  /** Connects, or cuts a wait short. */
  start(): void {
    this.#ports.host?.start();
    this.happen("start");
  }

  /** Goes away until `start`; position, queue and listeners stay. */
  pause(): void {
    this.#closeWith = NORMAL;
    this.#failed = Math.min(this.#failed, 0);
    this.happen("pause");
  }

  /** Asks the service for a sign of life, without waking the channel; `rtt` tells the answer. */
  ping(): void {
    (this.#ports.host ?? this.#heartbeat).ping();
  }

  /** Connects as `start` does, and also where it was over, unless the app itself has closed it. */
  reconnect(): void {
    this.start();
    this.happen("reconnect");
  }

  /** Ends it for good; settled once the socket is closed, which takes 2 s at most. */
  close(error: ChannelError): Promise<void> {
    this.#closeWith = NORMAL;
    this.happen("close", error);
    return this.#closing;
  }

  /**
   * Takes another source of tokens once the service has taken a token of it: on the connection where there is one, else
   * at the next join. Where it is refused, the one before stays (A5, A7).
   */
  async signIn(source: TokenSource): Promise<void> {
    if (this.#state === "closed") throw this.#error;
    // Nobody is to be asked before the app wants to be connected.
    if (this.#state === "idle") return this.#identity.use(source);
    this.#failed = Math.min(this.#failed, 0);
    this.#ports.host?.start();
    const answered = this.#identity.signIn(source);
    // A way that breaks has not answered: the next join asks the same.
    if (this.#welcomedIn === this.#turn) void this.#identity.renew(this.#identity.next, "join");
    else this.happen("source");
    return answered;
  }

  /** Who it speaks as. @internal */
  get identity(): Identity {
    return this.#identity;
  }

  /** One happening after the other: what an effect brings about waits until the effect is through. @internal */
  happen(happening: Happening, error?: ChannelError, retryIn?: number): void {
    if (this.#queue.push(() => this.#step(happening, error, retryIn)) > 1) return;
    try {
      // Those that come meanwhile included.
      for (const next of this.#queue) next();
    } finally {
      this.#queue.length = 0;
    }
  }

  #step(happening: Happening, error: ChannelError | undefined, retryIn: number | undefined): void {
    const row = TABLE[this.#state][happening];
    if (!row || this.#over) return;
    const [state, ...effects] = row;
    const previous = this.#state;
    this.#state = state;
    this.#error = error;
    this.#retryIn = retryIn;
    for (const effect of effects) this.#effects[effect]();
    if (state !== previous) this.#emitter.emit("state", { state, previous, error, retryIn: this.#retryIn });
    if (this.#over) this.#emitter.end();
  }

  readonly #effects: Readonly<Record<Effect, () => void>> = {
    ask_token: async () => {
      const turn = ++this.#turn;
      try {
        await this.#identity.join();
        await this.#ports.host?.ready();
        if (turn === this.#turn) this.happen("token");
      } catch (error) {
        if (turn !== this.#turn) return;
        // A function that failed may do better later; one that says nobody is signed in will not.
        if (error instanceof ChannelError && !error.retryable) this.#stop(error);
        else this.happen("no_token", offline(`The token function failed: ${error}`));
      }
    },
    // With a socket there it is a guest's sign-in that waits.
    ask_anew: () => void (!this.#link && this.#identity.joined.slow && this.#effects.ask_token()),
    open_socket: () => {
      const turn = this.#turn;
      this.#closeWith = undefined;
      this.#pings = 0;
      this.#callOff = patiently(this.#runtime, JOIN_MS, () => this.happen("late", offline("The service does not answer.")));
      this.#closing = new Promise((closed) => {
        try {
          this.#link = this.#ports.open(this.#identity.joined.current, this.#lastId, {
            open: () => void (turn === this.#turn && this.#ports.opened?.(this.#way)),
            text: (text) => void (turn === this.#turn && this.#read(text, turn)),
            frames: (frames) => this.#frames(frames, turn),
            gone: (code, reason) => {
              closed();
              if (turn === this.#turn) this.#ended({ code, reason });
            },
          });
        } catch (error) {
          closed();
          this.#stop(new ChannelError("protocol", `No WebSocket: ${error}`));
        }
      });
    },
    sign_in: () => {
      this.#ports.outbox.open(this.#welcome as Welcome, this.#way);
      void this.#identity.renew(this.#identity.tokens, "join");
    },
    adopt: () => {
      const welcome = this.#welcome as Welcome;
      this.#identity.welcomed(welcome.expires);
      if (!this.#ports.host) this.#heartbeat.start();
      this.#openSince = this.#runtime.now();
      const carried = this.#lastId === welcome.connection;
      this.#lastId = welcome.connection;
      this.#ports.outbox.open(welcome, this.#way);
      this.#ports.adopt(welcome, carried);
    },
    probe: () => this.#heartbeat.ping(),
    drop: () => {
      this.#turn++;
      this.#callOff();
      if (this.#runtime.now() - this.#openSince >= LASTED_MS) this.#backoff.reset();
      this.#openSince = Infinity;
      this.#heartbeat.stop();
      this.#identity.stop();
      // Closing goes on by itself; whatever the old link still says is not heard.
      this.#link?.close(this.#closeWith);
      this.#link = null;
      this.#ports.delivery.down();
      // What ends the channel is what its requests are told, and not that the connection is gone.
      this.#ports.outbox.down(this.#state === "closed" ? this.#error : undefined);
      this.#ports.away();
    },
    spend_token: () => this.#identity.tokens.spend(),
    forget: () => this.#ports.delivery.forget(),
    back_off: () => this.#wait(this.#backoff.next()),
    soon: () => this.#wait(this.#backoff.soon()),
    hasten: () => this.#arm(this.#notBefore - this.#runtime.now()),
    finish: () => {
      this.#turn++;
      this.#callOff();
      this.#unheed();
      this.#abort.abort();
      // Whatever ends a channel tells why.
      const error = this.#error as ChannelError;
      this.#identity.end(error);
      this.#ports.outbox.down(error);
      this.#ports.finish(error);
    },
    release: () => {
      this.#over = true;
      this.#ports.release();
    },
    revive: () => {
      this.#abort = new AbortController();
      this.#failed = 0;
      this.#backoff.reset();
      this.#heed();
      this.#ports.outbox.down();
      this.#ports.revive();
    },
  };

  #heed(): void {
    this.#unheed = heed(this.#runtime, this, (what) => this.happen(what));
  }

  #read(text: string, turn: number): void {
    this.#trace("in", text);
    this.#heartbeat.heard(text);
    if (text === "pong") {
      if (this.#pings && !--this.#pings) this.#ports.alive();
    } else this.#frames(readFrames(text), turn);
  }

  #frames(frames: readonly ServiceFrame[], turn: number): void {
    for (const frame of frames) {
      // Whoever is told of one frame may close the channel before the next.
      if (turn !== this.#turn) return;
      if (frame.type === "welcome" || frame.type === "hello") this.#welcomed(frame);
      else if (frame.type === "bye") this.#ended(frame);
      else this.#ports.frame(frame as AnswerFrame);
    }
  }

  #trace(direction: "in" | "out", text: string): void {
    const { trace } = this.#options;
    if (trace) guarded(() => trace(direction, text));
    this.#ports.log("debug", () => [direction, withoutToken(text)]);
  }

  #send(text: string): void {
    this.#trace("out", text);
    this.#heartbeat.sent();
    if (text === "ping") this.#pings++;
    this.#link?.send(text);
  }

  #welcomed(frame: Welcome): void {
    this.#welcome = frame;
    this.#failed = -1;
    this.#welcomedIn = this.#turn;
    if (frame.now !== undefined) this.#clockAhead = frame.now - this.#runtime.now();
    this.#callOff();
    this.happen(frame.type === "welcome" && frame.epoch === undefined ? "guest" : "welcome");
  }

  /** The service said `bye`, or the socket closed: R3 says what that means. */
  #ended({ code, reason, retry_after: retryAfter = 0 }: Pick<Bye, "code" | "reason" | "retry_after">): void {
    this.#notBefore = this.#runtime.now() + retryAfter;
    this.#closeWith = code >= 4000 && code < 5000 ? code : undefined;
    const advice = advise(code);
    const error = closeError(code, reason, this.#state === "joining" ? this.#ports.base : "");
    // A bad token is worth one new one, as an expired one is.
    const bad = advice === "new_token" || code === BAD_TOKEN;
    const { tokens, trying } = this.#identity;
    if (bad && !trying && tokens.replaceable) this.happen("end_new_token", error);
    else if (bad || code === FORBIDDEN) this.#stop(error);
    else this.happen(`end_${advice}`, error);
  }

  /** Ends for good, unless it was a sign-in that could not join: then the source before comes back. */
  #stop(error: ChannelError): void {
    this.happen(this.#identity.refused(error) ? "end_at_once" : "end_stop", error);
  }

  #wait(ms: number): void {
    const { maxAttempts = Infinity } = this.#options;
    this.#retryIn = Math.floor(ms + Math.max(0, this.#notBefore - this.#runtime.now()));
    this.#arm(this.#retryIn);
    if (++this.#failed > maxAttempts)
      this.happen("give_up", new ChannelError("gave_up", `${maxAttempts} attempts in a row failed: ${this.#error?.message}`));
  }

  #arm(ms: number): void {
    this.#callOff();
    this.#callOff = this.#runtime.after(ms, () => this.happen("due"));
  }
}
