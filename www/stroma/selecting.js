/**
 * Keeps a selection that is being dragged where the pointer is. The pieces of a page's text lie about freely, so a pointer between two of them would
 * select up to the last one. An element behind the piece where the selection ends takes the pointer there, as in pdf.js's own viewer.
 */

/** Of one page's text after the other: `watch(layer)`. */
export function guardSelections() {
  let layer, end, before;
  document.addEventListener("pointerup", () => {
    if (layer === undefined) return;
    layer.classList.remove("selecting");
    before = undefined;
    end.removeAttribute("style");
    layer.append(end);
  });
  document.addEventListener("selectionchange", () => {
    const selection = getSelection();
    if (!layer?.classList.contains("selecting") || selection.isCollapsed || takesPointers()) return;
    const range = selection.getRangeAt(0);
    if (!range.intersectsNode(layer)) return;
    const isStart = before !== undefined && [Range.END_TO_END, Range.START_TO_END].some((ends) => range.compareBoundaryPoints(ends, before) === 0);
    const at = isStart ? range.startContainer : lastOf(range);
    before = range.cloneRange();
    const piece = at.nodeType === Node.TEXT_NODE ? at.parentNode : at;
    if (piece === layer || !layer.contains(piece)) return;
    putEnd(isStart ? piece : piece.nextSibling, piece.parentNode);
  });
  function putEnd(next, parent) {
    // What is selected goes up to it, and into it.
    end.style.userSelect = "text";
    end.style.webkitUserSelect = "text";
    parent.insertBefore(end, next);
  }
  /** In Firefox, an element that cannot be selected is enough, wherever it stands. */
  const takesPointers = () => getComputedStyle(end).getPropertyValue("-moz-user-select") === "none";

  return {
    watch(text) {
      layer = text;
      end = document.createElement("div");
      end.className = "text-end";
      layer.append(end);
      layer.addEventListener("pointerdown", ({ target }) => {
        text.classList.add("selecting");
        // A quick pointer is beyond the first piece before anything is told of the selection.
        if (target !== text && !takesPointers()) putEnd(target.nextSibling, target.parentNode);
      });
    },
  };
}

/** The node in which a range ends; where it ends before a node, the one before that. */
function lastOf({ endContainer, endOffset }) {
  if (endOffset > 0) return endContainer;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  walker.currentNode = endContainer;
  return walker.previousNode() ?? endContainer;
}
