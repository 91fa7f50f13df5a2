/** placeholder until generated */
export interface Contract {
  'chat:*': { events: { say: { data: { text: string }; directed: true }; typing: { data: { on: boolean }; directed: false } }; presence: unknown };
  'cursor:*': { events: { move: { data: { x: number; y: number }; directed: false } }; presence: unknown };
  'door:*': { events: { say: { data: { text: string }; directed: true }; typing: { data: { on: boolean }; directed: false } }; presence: unknown };
  'app:**': { events: { message: { data: unknown; directed: true }; signal: { data: unknown; directed: true } }; presence: unknown };
  'public:**': { events: { message: { data: unknown; directed: false } }; presence: never };
}
