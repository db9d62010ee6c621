import { throwIfAborted } from "../base/abort.js";
import type { ExportLinesOptions, ImportLinesOptions } from "../base/lines.js";
import { func, known, oneOf, signalOf } from "../base/options.js";

export type OnConflict = NonNullable<ImportLinesOptions["onConflict"]>;

/** Checked options of an import. */
export interface ImportSettings {
  readonly onConflict: OnConflict;
  readonly onProgress: ImportLinesOptions["onProgress"];
  readonly signal: AbortSignal | undefined;
}

/** Checks the options of an export. */
export function exportSignal(options: ExportLinesOptions | undefined): AbortSignal | undefined {
  return signalOf("options.signal", known("options", options, ["signal"]).signal);
}

/** Checks the options of an import. Throws the signal's reason, too. */
export function importSettings(options: ImportLinesOptions | undefined): ImportSettings {
  const { onConflict, onProgress, signal: given } = known("options", options, ["onConflict", "onProgress", "signal"]);
  const checked = oneOf("options.onConflict", onConflict, ["error", "skip", "replace"], "error");
  if (onProgress !== undefined) func("options.onProgress", onProgress);
  const signal = signalOf("options.signal", given);
  throwIfAborted(signal);
  return { onConflict: checked, onProgress, signal };
}
