// The page in a real browser, served by the service as it is deployed, assets and their headers included.
import { existsSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { type Browser, type BrowserContextOptions, type Page, chromium } from "playwright-core";
import { createTestHarness, unstable_readConfig } from "wrangler";
import { buildPage } from "../../../client/build.mjs";
import { secret, token } from "./tokens.ts";

process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const shots = `${root}out/screenshots/`;
const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const places = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** The service with the page, and a browser to look at it. */
export class Stage {
  readonly url: string;
  readonly #browser: Browser;
  readonly #harness: ReturnType<typeof createTestHarness>;

  private constructor(url: URL, browser: Browser, harness: ReturnType<typeof createTestHarness>) {
    this.url = url.href;
    this.#browser = browser;
    this.#harness = harness;
  }

  /** With `kept` the browser keeps pages that are left, as those of people do and those of tests usually do not. */
  static async start({ kept = false } = {}): Promise<Stage> {
    const executablePath = places.find((place) => place !== undefined && existsSync(place));
    if (executablePath === undefined) throw new Error("There is no Chromium: apt-get install chromium, or name one in CHROMIUM.");
    await buildPage();
    mkdirSync(shots, { recursive: true });
    const { main, compatibility_date, compatibility_flags, exports, durable_objects, assets } = unstable_readConfig({
      config: `${root}wrangler.toml`,
    });
    const config = {
      name: "dormouse",
      main: main ?? "",
      compatibility_date,
      compatibility_flags,
      exports,
      durable_objects: { bindings: durable_objects.bindings },
      assets,
    };
    // Given as secrets they win over a .dev.vars that may lie in the repository.
    const harness = createTestHarness({ root, workers: [{ config, secrets: { JWT_SECRET: secret, DEV_TOKENS: "1" } }] });
    const { url } = await harness.listen();
    const browser = await chromium.launch({ executablePath, args: flags, ignoreDefaultArgs: kept ? ["--disable-back-forward-cache"] : [] });
    return new Stage(url, browser, harness);
  }

  async stop(): Promise<void> {
    await this.#browser.close();
    await this.#harness.close();
  }

  /** Sends everyone home. */
  async clear(): Promise<void> {
    await Promise.all(this.#browser.contexts().map((context) => context.close()));
  }

  /** Says lines in a room over HTTP, as a backend would. */
  async say(user: string, room: string, lines: readonly string[]): Promise<void> {
    const bearer = await token(user, { can: { "**": ["publish", "unmetered"] } });
    const answer = await fetch(`${this.url}v1/channels/chat:${room}/messages`, {
      method: "POST",
      headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json" },
      body: JSON.stringify(lines.map((text) => ({ event: "say", data: { text } }))),
    });
    if (!answer.ok) throw new Error(`publishing over HTTP was answered ${answer.status}: ${await answer.text()}`);
  }

  /** Somebody with a browser of their own. */
  async visitor(options: BrowserContextOptions = {}): Promise<Visitor> {
    const context = await this.#browser.newContext({ viewport: { width: 1360, height: 820 }, reducedMotion: "reduce", ...options });
    return Visitor.open(await context.newPage(), this.url);
  }
}

/** One page, and what a person does with it. */
export class Visitor {
  readonly page: Page;
  /** What the browser complained of. */
  readonly complaints: string[] = [];
  readonly #url: string;

  private constructor(page: Page, url: string) {
    this.page = page;
    this.#url = url;
    page.on("console", (line) => void (["error", "warning"].includes(line.type()) && this.complaints.push(line.text())));
    page.on("pageerror", (error) => this.complaints.push(error.message));
  }

  static async open(page: Page, url: string): Promise<Visitor> {
    const visitor = new Visitor(page, url);
    await page.goto(url);
    return visitor;
  }

  /** Another tab of the same browser. */
  async tab(): Promise<Visitor> {
    return Visitor.open(await this.page.context().newPage(), this.#url);
  }

  async join(name: string, room: string): Promise<this> {
    await this.page.fill("#name", name);
    await this.page.fill("#room", room);
    await this.page.click("#join button");
    await this.connected();
    return this;
  }

  async connected(): Promise<void> {
    await this.page.locator('#state[data-state="open"]').waitFor();
  }

  async say(text: string): Promise<void> {
    await this.page.fill("#text", text);
    await this.page.press("#text", "Enter");
  }

  /** Waits until this was said, and answered. */
  async hears(text: string): Promise<void> {
    await this.page.locator(".line:not(.pending) .bubble", { hasText: text }).waitFor();
  }

  /** What stands in the conversation, oldest first. */
  async said(): Promise<string[]> {
    return this.page.locator(".line .bubble").allTextContents();
  }

  /** The numbers beside the messages. */
  async numbers(): Promise<number[]> {
    return (await this.page.locator(".line .number").allTextContents()).map((text) => Number(text.slice(1)));
  }

  /** Waits until exactly these are here. */
  async sees(...names: string[]): Promise<void> {
    const wanted = [...names].sort();
    await this.page.waitForFunction((all) => {
      const here = [...document.querySelectorAll("#people li span:last-child")].map((name) => name.textContent);
      return JSON.stringify(here) === JSON.stringify(all);
    }, wanted);
  }

  async shoot(name: string): Promise<void> {
    await this.page.screenshot({ path: `${shots}${name}.png` });
  }

  /** What axe-core finds that is serious or worse. */
  async barriers(): Promise<string[]> {
    const axe = createRequire(import.meta.url)("axe-core") as { source: string };
    await this.page.evaluate(axe.source);
    return this.page.evaluate(async () => {
      const { violations } = await (
        globalThis as unknown as {
          axe: { run(): Promise<{ violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[] }> };
        }
      ).axe.run();
      return violations
        .filter(({ impact }) => impact === "serious" || impact === "critical")
        .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`));
    });
  }

  async leave(): Promise<void> {
    await this.page.close();
  }
}
