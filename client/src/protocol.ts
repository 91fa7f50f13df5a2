import { ChannelError } from "./errors.ts";
import { DEEPEST } from "./numbers.ts";
/** The frames of `dormouse.v1` as they are on the wire, and reading them. */

/** Any value JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A place in a channel's history: which life of it, and the last message heard. */
export interface Position {
  readonly epoch: string;
  readonly seq: number;
}

/** Who sent a message; over HTTP there is no connection, and an anonymous member has no user. */
export interface From {
  readonly user: string | null;
  readonly connection?: string;
  /** Whether it was the application's own code. */
  readonly service?: true;
}

/** One message of a channel. */
export interface Message<Event extends string = string, Data = unknown> {
  /** Its place in the channel's one order; absent where the event is not kept. */
  readonly seq?: number;
  /** The id its publisher chose. */
  readonly id?: string;
  readonly event: Event;
  readonly data: Data;
  readonly from: From;
  /** When the service took it, in milliseconds since 1970. */
  readonly at: number;
}

/** One connection that is here, as the others see it. */
export interface Member<Data = unknown> {
  readonly user: string | null;
  readonly connection: string;
  /** What the member's token says about it in public. */
  readonly info?: unknown;
  /** What the member itself last said with `presence.set`. */
  readonly data?: Data;
}

/** What the service allows this connection. */
export interface Limits {
  readonly frame_bytes: number;
  readonly batch: number;
  /** The general rate, which holds for everything but publishing (R5). */
  readonly per_second: number;
  readonly burst: number;
}

/** What became of the position a client came back with (D4). */
export type Resume = "fresh" | "recovered" | "behind" | "lost";

/** The first frame of a connection; epoch, seq and members are missing while it waits for a sign-in (A7). */
export interface Welcome {
  /** `hello` greets a connection of many channels (M1). */
  readonly type: "welcome" | "hello";
  readonly channel: string;
  readonly connection: string;
  readonly user: string | null;
  readonly epoch?: string;
  readonly seq?: number;
  readonly first?: number;
  readonly resume?: Resume;
  readonly expires?: number | null;
  readonly can?: readonly string[];
  readonly members?: readonly Member[];
  readonly count?: number;
  /** What the application shows of its state as of `seq` (C5). */
  readonly snapshot?: unknown;
  /** The calls that may be sent again, since their replies are remembered (C3). */
  readonly remembers?: readonly string[];
  readonly limits?: Limits;
  readonly now?: number;
}

export interface MessageFrame extends Message {
  readonly type: "message";
}

export interface Ack {
  readonly type: "ack";
  readonly id: string;
  readonly seq?: number;
  readonly duplicate?: boolean;
  readonly delivered?: number;
}

/** The reply to a call (C3). */
export interface Result {
  readonly type: "result";
  readonly id: string;
  readonly data: unknown;
  readonly duplicate?: boolean;
}

export interface Refusal {
  readonly type: "error";
  readonly id?: string;
  readonly code: string;
  readonly message: string;
  readonly retry_after?: number;
  readonly seq?: number;
  readonly reason?: string;
}

export interface PresenceFrame {
  readonly type: "presence";
  readonly join?: readonly Member[];
  readonly update?: readonly Member[];
  readonly leave?: readonly Member[];
  readonly count?: number;
  readonly members?: readonly Member[];
}

export interface HistoryFrame {
  readonly type: "history";
  readonly id: string;
  readonly messages: readonly Message[];
  readonly more: boolean;
}

export interface Resumed {
  readonly type: "resumed";
  readonly id: string;
  readonly resume: Resume;
  readonly epoch?: string;
  readonly seq: number;
  readonly first?: number;
  readonly snapshot?: unknown;
}

export interface Bye {
  readonly type: "bye";
  readonly code: number;
  readonly reason?: string;
  readonly retry_after?: number | undefined;
}

/** Where a channel is, when the service cannot vouch for what was missed (M6). */
export interface At {
  readonly type: "at";
  readonly channel: string;
  readonly epoch: string;
  readonly seq: number;
}

/** What one of many channels tells: the frames that a connection of its own would be told (M4). */
export interface In {
  readonly type: "in";
  readonly channel: string;
  readonly frames: readonly ServiceFrame[];
}

/** Whatever the service says that this client understands. */
export type ServiceFrame = Welcome | MessageFrame | Ack | Result | Refusal | PresenceFrame | HistoryFrame | Resumed | Bye | At | In;

/** All of them but those that begin and end a connection. */
export type AnswerFrame = Exclude<ServiceFrame, Welcome | Bye>;

/** Where a join goes on from: the position, and the connection before (E1, M2). */
export interface JoinFields {
  readonly epoch?: string;
  readonly after?: number;
  readonly connection?: string;
}

/** What has a type (F1). */
export const known = (frames: readonly ServiceFrame[]): ServiceFrame[] => frames.filter((frame) => frame?.type);

/** Reads a text frame: one object or an array of them. What is no JSON or has no type is nothing (F1). */
export function readFrames(text: string): ServiceFrame[] {
  try {
    return known([JSON.parse(text) as ServiceFrame | ServiceFrame[]].flat());
  } catch {
    return [];
  }
}

/** A message without its type: which kind of frame it came in is no business of the app's. */
export const bare = ({ type: _, ...message }: Message & { readonly type?: string }): Message => message;

/** A value of JSON that nobody can change any more: all who are told of it hold the same. */
export const frozen = <Value>(value: Value): Value => {
  if (value instanceof Object) Object.values(Object.freeze(value)).forEach(frozen);
  return value;
};

/** Half a surrogate pair, or a noncharacter. */
const NO_TEXT = /[\p{Cs}\p{NChar}]/u;

/**
 * The text of a frame; throws where the service would not take it as I-JSON (R4): it could not tell which request it
 * refuses, and would take none of an array.
 */
export function textOf(frame: object): string {
  let why: unknown = "broken text, or more than 62 levels";
  try {
    const text = JSON.stringify(frame);
    if (isIJson(JSON.parse(text), DEEPEST)) return text;
  } catch (error) {
    why = error;
  }
  throw new ChannelError("bad_frame", `\`data\` is no JSON: ${why}`);
}

/** Whether all names and texts of a value of JSON are whole, and it has no more levels than these. */
const isIJson = (value: unknown, levels: number): boolean =>
  value instanceof Object
    ? levels > 0 && Object.entries(value).flat().every((inner) => isIJson(inner, levels - 1))
    : !NO_TEXT.test(`${value}`);

/** How many bytes a text is as UTF-8. A platform's own encoder would make them all; jsdom has none. */
export function bytesOf(text: string): number {
  const more = (units: RegExp): number => text.match(units)?.length ?? 0;
  // Of a pair of surrogates, which is four bytes, each counts as two.
  return text.length + more(/[^\0-\x7f]/g) + more(/[\u0800-\ud7ff\ue000-\uffff]/g);
}
