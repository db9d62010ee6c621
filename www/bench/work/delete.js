import { check } from "../check.js";

export const deleteHalf = {
  id: "delete",
  title: "delete half (7 750 documents)",
  needs: "puts",
  times: 1,
  async run({ store, state, timed }) {
    const [gone, kept] = [0, 1].map((half) => state.ids.filter((_, at) => at % 2 === half));
    await timed(() => store.deleteMany(gone));
    const left = new Set((await store.all()).map(store.idOf));
    check(left.size === kept.length, `${left.size} documents are left, not ${kept.length}`);
    check(kept.every((id) => left.has(id)), "others than the deleted ones are gone");
  },
};
