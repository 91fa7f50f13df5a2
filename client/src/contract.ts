/**
 * What may be said on which channels. It is empty here: the file that `npx dormouse-types URL` writes fills it in, by
 * `declare module "dormouse-client"`, so that every import of the client knows it.
 */
// An interface, since only one can be added to.
export interface Contract {}
