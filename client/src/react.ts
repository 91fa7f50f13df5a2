/** Hooks for React 18 and 19. Each gives immutable values, and does nothing at import or on a server. */
import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { connect, connectSession } from "./index.ts";
import type {
  Channel,
  ChannelError,
  ChannelOf,
  ConnectionOptions,
  ConnectOptions,
  Contract,
  EventName,
  KnownName,
  Member,
  MessageOf,
  PresenceOf,
  Session,
  SessionOptions,
  SnapshotOf,
  State,
  TimelineSnapshot,
} from "./index.ts";

const nothing = (): void => {};
const noStore = (): (() => void) => nothing;

/**
 * Makes a connection for many channels while the component is mounted, to be given to `useChannel`; another `url` makes
 * another. `null` on a server and in the first render. The options are those of the first render, as with `useChannel`.
 */
export function useSession(url: string | URL, options: SessionOptions = {}): Session<Contract> | null {
  const [session, setSession] = useState<Session<Contract> | null>(null);
  const latest = useLatest(options);
  const address = String(url);
  useEffect(() => {
    const opened = connectSession(address, withNewestToken(latest));
    setSession(opened);
    return () => {
      setSession(null);
      void opened.close();
    };
  }, [address]);
  return session;
}

/** How many components have a channel of a session, which the last of them closes. */
const users = new WeakMap<object, number>();

/**
 * Joins a channel while the component is mounted, and leaves with it; another `from` or `name` joins another. It has a
 * connection of its own where `from` is the service's address, and shares that of a session. `null` on a server, in the
 * first render, and where `from` or `name` is `null`. The options are those of the first render that joins: a `token`
 * function may be a new one each time.
 */
export function useChannel<const Name extends string>(
  from: string | URL | Session<Contract> | null,
  name: KnownName<Contract, Name> | null,
  options: ConnectOptions<EventName<ChannelOf<Contract, Name>>> = {},
): Channel<ChannelOf<Contract, Name>> | null {
  const [channel, setChannel] = useState<Channel<ChannelOf<Contract, Name>> | null>(null);
  const latest = useLatest(options);
  const target = from instanceof URL ? String(from) : from;
  useEffect(() => {
    if (target === null || name === null) return;
    const given = withNewestToken(latest);
    const opened = typeof target === "string" ? connect<Name>(target, name, given) : target.channel<Name>(name, given);
    users.set(opened, (users.get(opened) ?? 0) + 1);
    setChannel(opened);
    return () => {
      setChannel(null);
      const left = (users.get(opened) ?? 1) - 1;
      users.set(opened, left);
      if (!left) void opened.close();
    };
  }, [target, name]);
  return channel;
}

/** The options, with the newest token function in the place of the first, so that it need not be the same one at each render. */
function withNewestToken<Options extends ConnectionOptions>(latest: { readonly current: Options }): Options {
  const { token } = latest.current;
  if (typeof token !== "function") return latest.current;
  return { ...latest.current, token: (ask) => (typeof latest.current.token === "function" ? latest.current.token : token)(ask) };
}

/** What `useMessages` gives. */
export interface Messages<C> extends TimelineSnapshot<C> {
  /** Brings more of what was said before; see `Timeline.older`. */
  older(limit?: number): Promise<boolean>;
}

const EMPTY: TimelineSnapshot<never> = { messages: [], past: "loading", error: undefined };

/** The channel's timeline as it is: `connect` with `history` begins it with the newest of the past. */
export function useMessages<C>(channel: Channel<C> | null): Messages<C> {
  const timeline = channel?.timeline;
  const snapshot = useSyncExternalStore(
    timeline?.subscribe ?? noStore,
    timeline?.getSnapshot ?? ((): TimelineSnapshot<C> => EMPTY),
    (): TimelineSnapshot<C> => EMPTY,
  );
  const older = useCallback((limit?: number) => timeline?.older(limit) ?? Promise.resolve(false), [timeline]);
  return useMemo(() => ({ ...snapshot, older }), [snapshot, older]);
}

/** Calls `listener`, the newest that was given, for each message of `event`, or of any with `'*'`. */
export function useEvent<C, Event extends EventName<C> | "*">(
  channel: Channel<C> | null,
  event: Event,
  listener: (message: MessageOf<C, Event extends "*" ? EventName<C> : Event>) => void,
): void {
  const latest = useLatest(listener);
  useEffect(() => channel?.on(event, (message) => latest.current(message as never)), [channel, event]);
}

/** Who is here. */
export interface Here<Data> {
  readonly members: readonly Member<Data>[];
  readonly count: number;
}

const NOBODY: Here<never> = { members: [], count: 0 };

/** Who is here: a new value for each change, with the same objects for members that did not change. */
export function usePresence<C>(channel: Channel<C> | null): Here<PresenceOf<C>> {
  return useStore<Channel<C>, Here<PresenceOf<C>>>(
    channel,
    NOBODY,
    ({ presence }) => ({ members: [...presence.members.values()], count: presence.count }),
    ({ presence }, changed) => presence.on("change", changed),
  );
}

/** What the application shows of its state, as it was told last; see `Channel.snapshot`. `undefined` before. */
export function useSnapshot<C>(channel: Channel<C> | null): SnapshotOf<C> | undefined {
  return useStore<Channel<C>, SnapshotOf<C> | undefined>(
    channel,
    undefined,
    ({ snapshot }) => snapshot,
    (joined, changed) => joined.onSnapshot(changed),
  );
}

/** Where the connection stands. */
export interface ConnectionStanding {
  readonly state: State;
  /** What ended the connection last; show it. */
  readonly error: ChannelError | undefined;
  readonly user: string | null;
  /** Takes the channel up again after it gave up or was refused; see `Channel.reconnect`. */
  reconnect(): Promise<void>;
}

const IDLE: Omit<ConnectionStanding, "reconnect"> = { state: "idle", error: undefined, user: null };

/** Where the connection of a channel, or of a session, stands, and why. */
export function useConnection(channel: Pick<Channel<never>, "connection" | "reconnect"> | null): ConnectionStanding {
  const standing = useStore(
    channel,
    IDLE,
    ({ connection: { state, error, user } }) => ({ state, error, user }),
    ({ connection }, changed) => connection.on("state", changed),
  );
  const reconnect = useCallback(() => channel?.reconnect() ?? Promise.resolve(), [channel]);
  return useMemo(() => ({ ...standing, reconnect }), [standing, reconnect]);
}

/** A value of a channel that is read anew when the channel says that it changed. */
function useStore<Source, Value>(
  channel: Source | null,
  none: Value,
  read: (channel: Source) => Value,
  watch: (channel: Source, changed: () => void) => () => void,
): Value {
  const store = useMemo(() => {
    let value: Value | undefined;
    return {
      getSnapshot: (): Value => (channel ? (value ??= read(channel)) : none),
      subscribe: (changed: () => void): (() => void) => {
        // What changed between the render and now.
        value = undefined;
        return channel ? watch(channel, () => ((value = undefined), changed())) : nothing;
      },
    };
  }, [channel]);
  return useSyncExternalStore(store.subscribe, store.getSnapshot, () => none);
}

/** The newest value, to be read after the render. */
function useLatest<Value>(value: Value): { readonly current: Value } {
  const ref = useRef(value);
  useEffect(() => void (ref.current = value));
  return ref;
}
