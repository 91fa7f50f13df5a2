// Built pages, served as files to a real browser.
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { browserProgram } from "../../../scripts/browser.mjs";

const types: Record<string, string> = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };

export class Pages {
  readonly origin: string;
  readonly #server: Server;
  readonly #browser: Browser;
  #folder = "";

  private constructor(server: Server, browser: Browser) {
    this.#server = server;
    this.#browser = browser;
    this.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(): Promise<Pages> {
    const executablePath = browserProgram();
    if (executablePath === undefined) throw new Error("There is no Chromium: apt-get install chromium, or name one in CHROMIUM.");
    const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"] });
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const pages = new Pages(server, browser);
    server.on("request", async ({ url = "" }, answer) => {
      const path = new URL(url, pages.origin).pathname.replace(/\/$/, "/index.html");
      const content = await readFile(join(pages.#folder, path)).catch(() => undefined);
      answer.writeHead(content === undefined ? 404 : 200, { "content-type": types[extname(path)] ?? "application/octet-stream" }).end(content);
    });
    return pages;
  }

  /** The title that the page in a folder comes to have, asked this; fails where the browser complains of anything. */
  async title(folder: string, asked: Record<string, string>, wanted: string): Promise<void> {
    this.#folder = folder;
    const page = await this.#browser.newPage();
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (line) => void (["error", "warning"].includes(line.type()) && complaints.push(line.text())));
    await page.goto(`${this.origin}/?${new URLSearchParams(asked)}`);
    const heard = page.waitForFunction((title) => document.title === title, wanted, { timeout: 20_000 });
    await heard.catch(() => complaints.push(`the title never came to be "${wanted}"`));
    await page.close();
    if (complaints.length > 0) throw new Error(complaints.join("\n"));
  }

  async stop(): Promise<void> {
    await this.#browser.close();
    this.#server.close();
  }
}
