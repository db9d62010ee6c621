import { part } from "./bridge/later.js";

/** What works on whole patches. Throws Unavailable where it cannot be loaded. */
export const wholePart = (): Promise<typeof import("./whole.js")> => part("whole.js", () => import("./whole.js"));
