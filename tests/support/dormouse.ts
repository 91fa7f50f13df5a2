// Written by dormouse-types out of the service's own contract; not to be edited by hand.
/* eslint-disable */

/**
 * Something said in a room.
 */
export interface ChatSay {
  /**
   * What is said.
   */
  text: string;
}

/**
 * Whether someone is about to say something.
 */
export interface ChatTyping {
  /**
   * True from the first letter, false when the line is empty again.
   */
  on: boolean;
}

/**
 * Where someone's pointer is, as a share of the page's width and height.
 */
export interface CursorMove {
  /**
   * From the left.
   */
  x: number;
  /**
   * From the top.
   */
  y: number;
}

/**
 * Somebody is reminded of something.
 */
export interface DemoReminded {
  /**
   * Who.
   */
  by: string;
  /**
   * Of what.
   */
  text: string;
}

/**
 * What somebody rolled.
 */
export interface DemoRolled {
  /**
   * Who.
   */
  by: string;
  /**
   * The number.
   */
  n: number;
}

/**
 * Something said in the room.
 */
export interface DemoSay {
  /**
   * What is said.
   */
  text: string;
}

/**
 * No data: `{}`.
 */
export type DemoCount = Record<string, never>;

/**
 * How often everybody together has counted.
 */
export interface DemoCountReply {
  /**
   * The number.
   */
  count: number;
}

/**
 * What one wants to be reminded of.
 */
export interface DemoRemind {
  /**
   * After how many milliseconds, a day at most.
   */
  after_ms: number;
  /**
   * Of what.
   */
  text: string;
}

/**
 * No data: `{}`.
 */
export type DemoRemindReply = Record<string, never>;

/**
 * Dice to be rolled.
 */
export interface DemoRoll {
  /**
   * How many sides the die has.
   */
  sides: number;
}

/**
 * What somebody rolled.
 */
export interface DemoRollReply {
  /**
   * Who.
   */
  by: string;
  /**
   * The number.
   */
  n: number;
}

/**
 * What members are shown of the room.
 */
export interface DemoSnapshot {
  /**
   * How often everybody together has counted.
   */
  count: number;
  /**
   * Who was muted lately.
   */
  muted: string[];
}

/**
 * No data: `{}`.
 */
export type DemoPresence = Record<string, never>;

/**
 * Something said in a room.
 */
export interface DoorSay {
  /**
   * What is said.
   */
  text: string;
}

/**
 * Whether someone is about to say something.
 */
export interface DoorTyping {
  /**
   * True from the first letter, false when the line is empty again.
   */
  on: boolean;
}

/** What may be said on which channels of this deployment. */
export interface ServiceContract {
  /** Joined with a token. */
  "app:**": {
    events: {
      /** Kept; ability `publish`; 20 a second, 40 at once. */
      "message": { data: unknown; directed: true; kept: true };
      /** Ephemeral; ability `publish`; 20 a second, 40 at once. */
      "signal": { data: unknown; directed: true; kept: false };
    };
    presence: unknown;
  };
  /** Joined with a token. */
  "chat:*": {
    events: {
      /** Kept; ability `publish`; 10 a second, 30 at once. */
      "say": { data: ChatSay; directed: true; kept: true };
      /** Ephemeral; ability `publish`; 5 a second, 5 at once. */
      "typing": { data: ChatTyping; directed: false; kept: false };
    };
    presence: unknown;
  };
  /** Joined with a token. */
  "cursor:*": {
    events: {
      /** Ephemeral; ability `publish`; 60 a second, 120 at once. */
      "move": { data: CursorMove; directed: false; kept: false };
    };
    presence: unknown;
  };
  /** Joined with a token. */
  "demo:*": {
    events: {
      /** Kept; said by the service, or with the ability `publish:reminded`; 10 a second, 10 at once. */
      "reminded": { data: DemoReminded; directed: false; kept: true; fromService: true };
      /** Kept; said by the service, or with the ability `publish:rolled`; 10 a second, 10 at once. */
      "rolled": { data: DemoRolled; directed: false; kept: true; fromService: true };
      /** Kept; ability `publish`; 10 a second, 10 at once. */
      "say": { data: DemoSay; directed: false; kept: true; refusals: "muted" };
    };
    calls: {
      /** Remembered; ability `call`; 10 a second, 10 at once. */
      "count": { input: DemoCount; output: DemoCountReply; remembered: true; refusals: never };
      /** Not remembered; ability `call`; 10 a second, 10 at once. */
      "remind": { input: DemoRemind; output: DemoRemindReply; remembered: false; refusals: never };
      /** Not remembered; ability `call`; 10 a second, 10 at once. */
      "roll": { input: DemoRoll; output: DemoRollReply; remembered: false; refusals: never };
    };
    snapshot: DemoSnapshot;
    presence: DemoPresence;
  };
  /** Joined first, signed in later. */
  "door:*": {
    events: {
      /** Kept; ability `publish`; 10 a second, 30 at once. */
      "say": { data: DoorSay; directed: true; kept: true };
      /** Ephemeral; ability `publish`; 5 a second, 5 at once. */
      "typing": { data: DoorTyping; directed: false; kept: false };
    };
    presence: unknown;
  };
  /** Joined by anyone. */
  "public:**": {
    events: {
      /** Kept; ability `publish`; 10 a second, 30 at once. */
      "message": { data: unknown; directed: false; kept: true };
    };
    presence: unknown;
  };
}

declare module "dormouse-client" {
  interface Contract extends ServiceContract {}
}
