/** The host's end of sandboxes: loaded with the first that is served. */
import { provide } from "../bridge/later.js";
import { Session } from "./session.js";

export { Session };

provide("serve.js", { Session });
