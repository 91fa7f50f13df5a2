/**
 * The client of Dormouse: `connect` joins a channel and keeps it, so that nothing is lost, nothing comes twice
 * and everything is in one order, whatever the network does.
 */
import { Channel } from "./channel.ts";
import type { ConnectOptions } from "./channel.ts";
import type { Contract } from "./contract.ts";
import { Session } from "./session.ts";
import type { SessionOptions } from "./session.ts";
import type { ChannelOf, EventName, KnownName } from "./types.ts";

/** Joins a channel of a contract. */
export interface Connect<C> {
  /**
   * Joins `channel` of the service at `url`. Returns at once; the channel connects by itself, and again
   * whenever it must, until it is closed.
   */
  <const Name extends string>(
    url: string | URL,
    channel: KnownName<C, Name>,
    options?: ConnectOptions<EventName<ChannelOf<C, Name>>>,
  ): Channel<ChannelOf<C, Name>>;
}

/** Joins a channel of your contract, as `npx dormouse-types URL` has written it. */
export const connect: Connect<Contract> = /* @__PURE__ */ connectWith();

/** Gives a `connect` for another contract: that of another service, or `AnyContract`. */
export function connectWith<C>(): Connect<C> {
  return (url, channel, options) => new Channel(String(url), channel, options);
}

/**
 * Makes one connection for many channels: `session.channel("chat:lobby")` joins each, as `connect(url, "chat:lobby")` does.
 * Returns at once; it connects by itself, and again whenever it must, until it is closed. `connectSession<C>` is for
 * another contract.
 */
export function connectSession<C = Contract>(url: string | URL, options: SessionOptions = {}): Session<C> {
  return new Session<C>(String(url), options);
}

export { Channel } from "./channel.ts";
export { Session } from "./session.ts";
export type { SessionChannelOptions, SessionOptions } from "./session.ts";

/** The channel of a name or a pattern: `ChannelFor<"chat:*">` is what `connect(url, "chat:lobby")` gives. */
export type ChannelFor<Name extends string, C = Contract> = Channel<Name extends keyof C ? C[Name] : ChannelOf<C, Name>>;
export type { ConnectOptions } from "./channel.ts";
export type { Connection } from "./connection.ts";
export type { ConnectionOptions } from "./options.ts";
export type { Contract } from "./contract.ts";
export type { Lost, Recovered } from "./delivery.ts";
export type { ListenOptions } from "./emitter.ts";
export { ChannelError } from "./errors.ts";
export type { ErrorCode, Refused } from "./errors.ts";
export type { ConnectionEvents, StateChange } from "./events.ts";
export type { Reader } from "./iterate.ts";
export type { LogLevel } from "./log.ts";
export type { State } from "./machine.ts";
export type { Presence, PresenceEvents } from "./presence.ts";
export type { From, Json, Limits, Member, Message, Position, Welcome } from "./protocol.ts";
export type { Audience, CallOptions, DirectedOptions, HistoryPage, HistoryRange, Kept, MessageOf, PublishOptions, Receipt } from "./requests.ts";
export type { Runtime, SocketLike } from "./runtime.ts";
export { Timeline } from "./timeline.ts";
export type { Entry, SendOptions, Standing, TimelineOptions, TimelineSnapshot } from "./timeline.ts";
export type { TokenAsk, TokenSource } from "./tokens.ts";
export type { AnyChannel, AnyContract, CallName, CallShape, ChannelOf, ChannelShape, ContractShape, DataOf, EventName, EventShape } from "./types.ts";
export type { InputOf, KnownName, OutputOf, PresenceOf, ReasonOf, Sayable, SnapshotOf } from "./types.ts";
