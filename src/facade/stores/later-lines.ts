/** Lines of JSON: loaded with the first stream of them that is read, or the first import. */
import { provide } from "../bridge/later.js";
import { chunkOf } from "../lines/export.js";
import { importLines } from "../lines/import.js";
import { documents, DocSink } from "./doc-lines.js";
import { pairs, PairSink } from "./kv-lines.js";

export { chunkOf, documents, DocSink, importLines, pairs, PairSink };

provide("lines.js", { chunkOf, documents, DocSink, importLines, pairs, PairSink });
