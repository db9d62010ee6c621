/** IndexedDB with an explicit commit() after the last request, which few know and use. */
import { openPlain, removeDatabase } from "./indexeddb.js";

export default {
  title: "IndexedDB, commit()",
  packages: [],
  acknowledges: "complete (relaxed)",
  skips: { large: "as without commit()", "large-reopen": "as without commit()" },
  fewer: { puts: 1000, sets: 1000 },
  open: (name) => openPlain(name, (transaction) => transaction.commit()),
  remove: removeDatabase,
};
