/** Preloaded, has the tests of a process connect another way: see `over-session.test.ts`. */
import { World } from "./world.ts";

World.way = process.env["DORMOUSE_WAY"] as typeof World.way;
