// @ts-check
// The oldest browsers that the client runs in.

/** The newest releases of this day, 2022-11-27: whatever is younger runs the client as well. @type {Readonly<Record<string, string>>} */
export const BASELINE = {
  chrome: "107",
  chrome_android: "107",
  edge: "107",
  firefox: "107",
  firefox_android: "107",
  safari: "16.1",
  safari_ios: "16.1",
};

/** What the client is compiled for; a syntax they do not have is written in one that they do. */
export const targets = ["chrome", "edge", "firefox", "safari"].map((name) => `${name}${BASELINE[name]}`).concat("es2022");
