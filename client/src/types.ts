/** From a channel's name to what may be said there, worked out by the compiler as the service does it (E5). */

/** One event of a contract. */
export interface EventShape {
  readonly data: unknown;
  /** Whether it may be directed with `to`. */
  readonly directed: boolean;
  /** Whether it is kept where it is not directed. */
  readonly kept?: boolean;
  /** Whether it is the service that says it: it is heard and not published. */
  readonly fromService?: boolean;
  /** The reasons for which the application's own code refuses it. */
  readonly refusals?: string;
}

/** One call of a contract. */
export interface CallShape {
  readonly input: unknown;
  readonly output: unknown;
  /** Whether its reply is given again to the same request, so that it may be sent again. */
  readonly remembered: boolean;
  /** The reasons for which the application's own code refuses it. */
  readonly refusals?: string;
}

/** What may be said on the channels of one pattern. */
export interface ChannelShape {
  readonly events: { readonly [event: string]: EventShape };
  readonly calls?: { readonly [name: string]: CallShape };
  /** What the application shows of its state; left out where it shows nothing. */
  readonly snapshot?: unknown;
  /** What a member may say of itself; `never` where the channel has no presence. */
  readonly presence: unknown;
}

/** A contract: channel patterns and what may be said there. */
export type ContractShape = { readonly [pattern: string]: ChannelShape };

/** The channel a name belongs to under a contract; `never` where no pattern fits, or names of several patterns are meant. */
export type ChannelOf<Contract, Name extends string> = Contract[OnlyOne<PatternOf<Contract, Name>> & keyof Contract];

/** A channel of which the compiler knows nothing but that it may be anything. */
export interface AnyChannel {
  readonly events: { readonly [event: string]: { readonly data: unknown; readonly directed: true; readonly refusals: string } };
  readonly calls: { readonly [name: string]: { readonly input: unknown; readonly output: unknown; readonly remembered: boolean; readonly refusals: string } };
  readonly snapshot: unknown;
  readonly presence: unknown;
}

/** The contract of whoever does without types: every name fits, and may be anything. */
export interface AnyContract {
  readonly "**": AnyChannel;
}

/** `Name`, or a complaint where it is not the name of one channel of the contract. */
export type KnownName<Contract, Name extends string> = [Misnamed<Contract, Name>] extends [never]
  ? [ChannelOf<Contract, Name>] extends [never]
    ? "These names fit several channel patterns: connect to each by itself."
    : Name
  : [keyof Contract] extends [never]
    ? "The contract is empty: let `npx dormouse-types URL` write it, among the files that are compiled."
    : string extends Name
      ? "No channel pattern fits every string: write the name as `chat:${room}` in the call itself, or use connectWith<AnyContract>()."
      : `No channel pattern fits '${Misnamed<Contract, Name>}'.`;

/** Those of several names that no pattern fits. */
type Misnamed<Contract, Name extends string> = Name extends string ? ([PatternOf<Contract, Name>] extends [never] ? Name : never) : never;

/** The patterns of these names. */
type PatternOf<Contract, Name extends string> = Name extends string ? Best<Fitting<keyof Contract & string, Name>> : never;

/** `Pattern`, unless it is several. */
type OnlyOne<Pattern extends string, All extends string = Pattern> = Pattern extends string
  ? [All] extends [Pattern]
    ? Pattern
    : never
  : never;

type Fitting<Pattern extends string, Name extends string> = Pattern extends string
  ? Fits<Pattern, Name> extends true
    ? Pattern
    : never
  : never;

type Fits<Pattern extends string, Name extends string> = Pattern extends "**"
  ? true
  : Pattern extends `${infer PatternHead}:${infer PatternTail}`
    ? Name extends `${infer Head}:${infer Tail}`
      ? SegmentFits<PatternHead, Head> extends true
        ? Fits<PatternTail, Tail>
        : false
      : false
    : Name extends `${string}:${string}`
      ? false
      : SegmentFits<Pattern, Name>;

type SegmentFits<Pattern extends string, Segment extends string> = Pattern extends "*" ? true : Segment extends Pattern ? true : false;

/** Of several patterns, the one that none of the others beats. */
type Best<Pattern extends string, All extends string = Pattern> = Pattern extends string
  ? true extends (All extends string ? Beats<All, Pattern> : never)
    ? never
    : Pattern
  : never;

/** Whether one pattern is more specific than another: a literal before `*` before `**`, from the left. */
type Beats<One extends string, Other extends string> = One extends Other
  ? false
  : One extends `${infer Head}:${infer Tail}`
    ? Other extends `${infer OtherHead}:${infer OtherTail}`
      ? Head extends OtherHead
        ? Beats<Tail, OtherTail>
        : HeadBeats<Head, OtherHead>
      : Other extends "**"
        ? true
        : HeadBeats<Head, Other>
    : HeadBeats<One, Other extends `${infer OtherHead}:${string}` ? OtherHead : Other>;

type HeadBeats<One extends string, Other extends string> = One extends "**"
  ? false
  : One extends "*"
    ? Other extends "**"
      ? true
      : false
    : Other extends "*" | "**"
      ? true
      : false;

/** The names of a channel's events. */
export type EventName<Channel> = Channel extends { readonly events: infer Events } ? keyof Events & string : never;

/** The names of the events that a member may say; the others are the service's own (C8). */
export type Sayable<Channel> = Exclude<EventName<Channel>, Unsayable<Channel>>;
type Unsayable<Channel> = Channel extends { readonly events: infer Events }
  ? { [Event in keyof Events]: Events[Event] extends { readonly fromService: true } ? Event : never }[keyof Events]
  : never;

/** The names of a channel's calls. */
export type CallName<Channel> = Channel extends { readonly calls: infer Calls } ? keyof Calls & string : never;

/** One call's shape. */
type CallOf<Channel, Name extends string> = Channel extends { readonly calls: infer Calls }
  ? Name extends keyof Calls
    ? Calls[Name]
    : never
  : never;

/** What a call takes. */
export type InputOf<Channel, Name extends string> = CallOf<Channel, Name> extends { readonly input: infer Input } ? Input : never;

/** What a call is answered. */
export type OutputOf<Channel, Name extends string> = CallOf<Channel, Name> extends { readonly output: infer Output } ? Output : never;

/** The reasons for which an event or a call of this name is refused by the application's own code (C4). */
export type ReasonOf<Channel, Name extends string> = ReasonIn<EventOf<Channel, Name> | CallOf<Channel, Name>>;
type ReasonIn<Part> = Part extends { readonly refusals: infer Reason extends string } ? Reason : never;

/** What the application shows of its state, which nobody changes. */
export type SnapshotOf<Channel> = Channel extends { readonly snapshot: infer Snapshot }
  ? unknown extends Snapshot
    ? Snapshot
    : Readonly<Snapshot>
  : undefined;

/** One event's shape. */
type EventOf<Channel, Event extends string> = Channel extends { readonly events: infer Events }
  ? Event extends keyof Events
    ? Events[Event]
    : never
  : never;

/** The payload of one event. */
export type DataOf<Channel, Event extends string> = EventOf<Channel, Event> extends { readonly data: infer Data } ? Data : never;

/** What a member may say of itself. */
export type PresenceOf<Channel> = Channel extends { readonly presence: infer Data } ? Data : never;

/** Whether an event may be directed. */
export type IsDirected<Channel, Event extends string> = EventOf<Channel, Event> extends { readonly directed: true } ? true : false;

/** Whether every message of an event is kept: what is directed is not (F5). */
export type AlwaysKept<Channel, Event extends string> = EventOf<Channel, Event> extends { readonly kept: true; readonly directed: false } ? true : false;
