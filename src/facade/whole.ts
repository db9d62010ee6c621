/** Work on whole patches: loaded with the first call that needs it. */
import { exported, imported } from "./archive-work.js";
import { provide } from "./bridge/later.js";
import { converted } from "./convert-work.js";
import { copied } from "./copy-work.js";

export { converted, copied, exported, imported };

provide("whole.js", { converted, copied, exported, imported });
