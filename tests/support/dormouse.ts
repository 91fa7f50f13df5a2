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
