import type { Message } from "./protocol.ts";
import type { AlwaysKept, DataOf, EventName } from "./types.ts";

/** Whom a directed publish reaches: their union, on this channel (F5). */
export interface Audience {
  readonly users?: readonly string[];
  readonly connections?: readonly string[];
  readonly roles?: readonly string[];
}

/** How something is published. */
export interface PublishOptions {
  /** An id of your own, 1 to 64 characters: the same id again within 10 minutes says nothing twice (D7). One is made where it is left out. */
  readonly id?: string | undefined;
  /** `false`: this connection does not hear its own message. */
  readonly echo?: boolean | undefined;
  /** Publishes only when the channel's head is this; else the promise rejects with `conflict` and the head in `seq`. */
  readonly ifSeq?: number | undefined;
  /** Now or not at all: neither waits for a connection nor is sent again, and its rejection may be ignored. */
  readonly volatile?: boolean | undefined;
  /** Gives the request up; what was sent already may be carried out all the same. */
  readonly signal?: AbortSignal | undefined;
}

/** How something is directed to some members only, where the event allows it. */
export interface DirectedOptions extends PublishOptions {
  readonly to?: Audience | undefined;
}

/** What became of a publish. */
export interface Receipt {
  readonly id: string;
  /** Its place in the channel's order, where the event is kept. */
  readonly seq?: number | undefined;
  /** The service had it already from an earlier try. */
  readonly duplicate?: boolean | undefined;
  /** How many connections a directed publish reached, where the token has `presence`. */
  readonly delivered?: number | undefined;
}

/** How something is asked. */
export interface CallOptions {
  /** An id of your own, 1 to 64 characters: a remembered call is answered the same under the same id for 10 minutes (C3). One is made where it is left out. */
  readonly id?: string | undefined;
  /** After how many milliseconds it is given up with `timeout`, connected or not; 60,000 where it is left out. It may run, or have run, all the same. */
  readonly timeout?: number | undefined;
  /** Gives the call up: it rejects with the signal's reason. What was sent already may run all the same. */
  readonly signal?: AbortSignal | undefined;
}

/** Without what else a message of one's own would tell. */
export const receiptOf = ({ id, seq, duplicate, delivered }: Receipt): Receipt => ({ id, seq, duplicate, delivered });

/** Which part of the history is wanted: what comes before, or after, a seq. */
export type HistoryRange = ({ readonly before?: number; readonly after?: never } | { readonly after?: number; readonly before?: never }) & {
  /** At most 100; 50 where it is left out. */
  readonly limit?: number;
  readonly signal?: AbortSignal | undefined;
};

/** A message that is kept: it has its place in the one order. */
export type Kept<M> = M & { readonly seq: number };

/** A page of history, oldest first. */
export interface HistoryPage<M = Message> {
  readonly messages: readonly Kept<M>[];
  /** Whether there is more in the direction of paging. */
  readonly more: boolean;
}

/** A message of one of a channel's events. */
export type MessageOf<C, Event extends string = EventName<C>> = Event extends string
  ? AlwaysKept<C, Event> extends true
    ? Kept<Message<Event, DataOf<C, Event>>>
    : Message<Event, DataOf<C, Event>>
  : never;
