/**
 * Planted bugs, each caught by the simulation. A mutant is one edit of the sources, or several, each `at` what
 * stands below the one comment that says `planted: <at>`, in whatever file of src that is: a statement, an
 * arm with a block, or the last expression of a block. In it, `from` is exactly once, however it is broken into lines; it becomes
 * `to`, or `before` goes before it.
 * `test` is what must catch it, if not the simulation: the worlds of devices, the tests of patches as a whole ("lifecycle"),
 * those of the engine in worlds of a few tabs ("engine"), or the library's own tests of the op-log ("lib"), of sealing ("keys") or of reading
 * documents ("reads"), of indexes ("indexing"), of references and sequences ("constraints") or of contents ("contents"), or the counting of
 * what one task does ("scaling").
 * @type {{name: string, test?: "devices" | "lifecycle" | "engine" | "scaling" | "lib" | "keys" | "reads" | "indexing" | "constraints" | "contents", edits: Edit[]}[]}
 * @typedef {{at: string, from: string, to: string} | {at: string, from: string, before: string}} Edit
 */
export const MUTANTS = [
  {
    name: "acknowledge before the transaction completes",
    edits: [
      {
        at: "early-ack",
        from: "match connection::unless_lost(core, pending.await).await",
        before: `if let Some(group) = core.state.borrow_mut().queue.groups.front_mut() {
            group.calls.iter_mut().for_each(|call| call.settle(crate::engine::core::done::Verdict::Committed));
        }`,
      },
    ],
  },
  {
    name: "send a dependent write without the number it depends on",
    edits: [{ at: "no-required", from: "next", to: "0" }],
  },
  {
    name: "apply a dependent frame under another number than it demands",
    // Two lines of defence: its writer judges it too.
    edits: [
      {
        at: "other-number",
        from: "header.required != number",
        to: "header.required == u64::MAX && number > 0",
      },
      { at: "other-number-own", from: "required == appended.number", to: "required > 0" },
    ],
  },
  {
    name: "take it that a commit counts whatever its number",
    edits: [
      { at: "any-number", from: "appended.number == state.known + 1", to: "appended.number > state.known" },
    ],
  },
  {
    name: "raise the generation without using up a number",
    edits: [{ at: "unfenced-flip", from: "writes.push(Write::Add(Some(self.fence()), fence));", to: "drop(fence);" }],
  },
  {
    name: "delete without using up a number",
    edits: [{ at: "unfenced-delete", from: "writes.push(Write::Add(None, fence().frame));", to: "" }],
  },
  {
    name: "report a commit of unknown outcome as failed",
    edits: [
      {
        at: "unknown-as-failed",
        from: "recover::after_loss(core, &sealed.sent()).await",
        to: `{
                let failed: Result<Outcome> = Err(connection::error_of(core, Failure::Quota(None)).await);
                failed?
            }`,
      },
    ],
  },
  {
    name: "acknowledge a commit that the view does not show yet",
    edits: [
      {
        at: "ack-unseen",
        from: "let outcome",
        before: "if !lost_race { crate::engine::log::flight::landed(core, sequence, None); }",
      },
    ],
  },
  {
    name: "leave calls alone that were built on a failed one",
    edits: [{ at: "failed-alone", from: "state.mark_stale(&writes);", to: "" }],
  },
  {
    name: "apply void frames",
    edits: [{ at: "void-applies", from: "if !is_of_now ||", to: "if (!is_of_now && false) ||" }],
  },
  {
    name: "apply a frame twice that was sent twice",
    // Two lines of defence: a commit is sent again only when it is not in the log.
    edits: [
      { at: "applies-twice", from: "header.sequence <= *seen", to: "header.sequence < *seen" },
      {
        at: "sent-twice",
        from: "if let Some(told) = told(frame) { return told; }",
        to: "let _ = told(frame);",
      },
    ],
  },
  {
    name: "overlook that another tab's frame touches what was read",
    edits: [{ at: "touch-overlooked", from: "state.mark_stale(&writes)", to: "drop(writes.keys())" }],
  },
  {
    name: "cut one frame too many",
    edits: [{ at: "cut-too-far", from: "through: self.position", to: "through: self.position + 1" }],
  },
  {
    name: "flip upon a head that another tab has replaced",
    edits: [{ at: "flip-on-new-head", from: "head.epoch == base.epoch", to: "head.epoch >= base.epoch" }],
  },
  {
    name: "install a flush whose layers were built anew meanwhile",
    edits: [{ at: "flush-over-rebuilt", from: "layers &&", to: "(layers || true) &&" }],
  },
  {
    name: "collect orphans without raising the generation",
    edits: [{ at: "unfenced-collect", from: "flip.new_generation = true;", to: "" }],
  },
  {
    name: "write segments ahead without flushing them to the disk",
    edits: [{ at: "staged-relaxed", from: "Durability::Strict", to: "self.core.options.durability" }],
  },
  {
    name: "leave large records of a relaxed commit to a later one to flush",
    edits: [{ at: "large-relaxed", from: "backend.tears(&append)", to: "backend.tears(&append) && false" }],
  },
  {
    name: "ignore checksums",
    edits: [
      { at: "no-checksum", from: "twox_hash::XxHash64::oneshot(seed, bytes)", to: "seed ^ bytes.len() as u64" },
    ],
  },
  {
    name: "take a record for another that lies under its name",
    edits: [{ at: "no-seed", from: "first_number(id)", to: "first_number(id) & 0" }],
  },
  {
    name: "lose in a flip what a later library has left in the head",
    edits: [{ at: "more-lost", from: "..self.base.clone()", to: "more: Default::default(), ..self.base.clone()" }],
  },
  {
    name: "ask what a frame needs before its fate",
    edits: [
{ at: "needs-first", from: "let frame", before: "frame::open(record)?.batch()?;" },
    ],
  },
  {
    name: "ask for the key of a frame before its fate",
    edits: [
      { at: "key-first", from: "let content", before: "if is_sealed { return Err(seal::encrypted()); }" },
    ],
  },
  {
    name: "count a segment whole of which something has expired",
    edits: [{ at: "measure-expired", from: "entry.expiry.least_ms", to: "entry.expiry.least_ms.max(NEVER)" }],
  },
  {
    name: "go on with a read at another moment",
    edits: [
      {
        at: "two-nows",
        from: "core.clone(), snapshot",
        to: "core.clone(), Snapshot::new(core.context.clone(), snapshot.view().clone())",
      },
    ],
  },
  {
    name: "seal blind calls anew when something is switched on",
    edits: [{ at: "blind-kept", from: "self.mark(|_| true);", to: "self.mark_all_stale();" }],
  },
  {
    name: "let the time of an open engine go back",
    edits: [{ at: "clock-back", from: "self.latest_ms.get().max(ms)", to: "ms" }],
  },
  {
    name: "never move the stored clock",
    edits: [{ at: "clock-unmoved", from: "map(target)", to: "map(|stored| target(stored).min(stored))" }],
  },
  {
    name: "delete what expires soon",
    edits: [{ at: "evict-early", from: "at_ms <= clock", to: "at_ms <= clock + 2_000" }],
  },
  {
    name: "drop an expired cell that hides older ones",
    edits: [{ at: "expired-uncovers", from: "hides || !cell.is_tombstone()", to: "!cell.is_tombstone()" }],
  },
  {
    name: "collect what has expired and leave its piece",
    edits: [{ at: "piece-unlisted", from: "piece.and_then(Garbage::piece)", to: "piece.filter(|_| false).and_then(Garbage::piece)" }],
  },
  {
    name: "leave in the log what has expired",
    edits: [{ at: "tail-unexpired", from: "<= core.now_ms()", to: "<= core.now_ms() * 0" }],
  },
  {
    name: "tell no listener that its value has expired",
    edits: [{ at: "unwatched-expiry", from: "<= self.engine.now_ms()", to: "<= self.engine.now_ms() * 0" }],
  },
  {
    name: "overlook that a document was touched that a live query has found",
    edits: [{ at: "watch-unheld", from: "self.mark_holders(hash_of(seed, &doc)?);", to: "" }],
  },
  {
    name: "overlook that something was touched that a live query includes",
    edits: [{ at: "watch-unincluded", from: "including.for_each(|watcher| self.mark(watcher));", to: "drop(including);" }],
  },
  {
    name: "look again for what a live query goes on behind each time",
    test: "engine",
    edits: [{ at: "watch-unsettled", from: "watcher.behind.replace(known);", to: "drop(known);" }],
  },
  {
    name: "sort by a list that an index has at another place",
    test: "reads",
    edits: [{ at: "sort-too-large", from: "SortKey::of(Some(found))?.is_too_large()", to: "false" }],
  },
  {
    name: "tell a live query's listener what is not acknowledged",
    edits: [
      {
        at: "watch-early",
        from: "self.engine.read_committed(work)",
        to: "crate::engine::access::Session::read(&self.engine, work)",
      },
    ],
  },
  {
    name: "store without an expiry what is updated",
    edits: [{ at: "update-forgets", from: "unwrap_or(NEVER)", to: "map_or(NEVER, |_| NEVER)" }],
  },
  {
    name: "hand out copies of what this engine lets expire",
    edits: [{ at: "undated", from: "self.base.note_dated();", to: "" }],
  },
  {
    name: "forget when a value expires",
    edits: [{ at: "marks-lost", from: "marks.clone()", to: "{ let _ = marks; Default::default() }" }],
  },
  {
    name: "list a piece when the first of those goes that cite it",
    edits: [{ at: "list-shared", from: "!piece.shared", to: "true || piece.shared" }],
  },
  {
    name: "take the frame in flight for void where a later format is met",
    edits: [
      {
        at: "later-recalls",
        from: "shut(core, Reason::VersionChange);",
        before: "flight::recall_void(core, None, &[]);",
      },
    ],
  },
  {
    name: "drop tombstones that still hide something",
    edits: [{ at: "tombstones", from: "first <= page.last", to: "first <= page.last && false" }],
  },
  {
    name: "forget that a range was read",
    edits: [{ at: "range-unread", from: "self.ranges.add(range);", to: "let _ = range;" }],
  },
  {
    name: "take it that a new connection leads to the same life of the database",
    edits: [{ at: "same-life", from: "state.looked = false;", to: "" }],
  },
  {
    name: "go on half-way on a newer view",
    edits: [{ at: "half-way", from: "true", to: "false" }],
  },
  {
    name: "count frames anew where the log goes on counting",
    edits: [
      {
        at: "count-anew",
        from: ".filter(|last| *last >= appended)?",
        to: ".unwrap_or(appended * 0)",
      },
    ],
  },
  {
    name: "begin the orders of a copy anew",
    edits: [{ at: "order-anew", from: "max(base)", to: "max(base * 0)" }],
  },
  {
    name: "forget a group that needs not run again when another one does",
    edits: [
      {
        at: "group-forgotten",
        from: "self.groups.push(group)",
        before: "if self.groups.len() < usize::MAX { return drop(table); }",
      },
    ],
  },
  {
    name: "accept a large batch that was overtaken while it was made ready",
    edits: [
      {
        at: "overtaken",
        from: "drafted.is_overtaken(core)",
        to: "drafted.is_overtaken(core) && drafted.since.known == u64::MAX",
      },
    ],
  },
  {
    name: "take it that a commit which is said to be aborted is not there",
    edits: [{ at: "aborted-absent", from: "recover::after_abort(core, &sealed.sent()).await", to: "Outcome::Absent" }],
  },
  {
    name: "delete what a flip has staged that is said to be aborted",
    edits: [
      { at: "delete-staged", from: "*core.state.borrow().view.root == self.root", to: "core.state.borrow().view.root.epoch == u64::MAX" },
      { at: "delete-staged-too", from: "epoch == self.base.epoch", to: "epoch >= self.base.epoch" },
    ],
  },
  {
    name: "show what is pending over what it does not fit",
    edits: [{ at: "unfit-shown", from: "|| self.unfit", to: "" }],
  },
  {
    name: "delete without using up a number after any failure",
    edits: [{ at: "unfenced-retry", from: "=> {}", to: "=> fenced = false," }],
  },
  {
    name: "list pieces that nothing newer hides",
    edits: [{ at: "list-newest", from: "is_none_or", to: "is_some_and" }],
  },
  {
    name: "overlook pieces of the levels that a flush hides",
    edits: [{ at: "skip-levels", from: "found.look_into(&entries, &view.layers, true).await?", to: "drop(entries)" }],
  },
  {
    name: "list pieces again that the directory hides already",
    edits: [{ at: "list-again", from: "!in_directory", to: "true || !in_directory" }],
  },
  {
    name: "delete what a flip replaces before it is live",
    edits: [
      {
        at: "early-delete",
        from: "self.root.garbage.append",
        before: `let early: Vec<_> = self.garbage.iter().map(|garbage| garbage.key).collect();
        garbage::delete(core, &early).await;`,
      },
    ],
  },
  {
    name: "leave calls alone that a transaction in its turn goes before",
    edits: [{ at: "turn-alone", from: "state.mark_stale(&writes);", to: "" }],
  },
  {
    name: "commit a transaction in its turn whatever has come since",
    edits: [{ at: "turn-blind", from: "touched_since", to: "false && touched_since" }],
  },
  {
    name: "let stamps follow the clock alone",
    test: "devices",
    edits: [{ at: "stamp-of-clock", from: "self.next_stamp.get().not_before(wall_ms)", to: "Stamp::default().not_before(wall_ms)" }],
  },
  {
    name: "use stamps again after a restart",
    test: "devices",
    edits: [{ at: "stamp-again", from: "op_log.next_stamp = frozen.next_stamp;", to: "let _ = frozen;" }],
  },
  {
    name: "show entries before they survive a power cut",
    test: "devices",
    edits: [{ at: "shown-early", from: "self.engine.flush_seen().await?;", to: "" }],
  },
  {
    name: "log a write without its entry",
    test: "devices",
    edits: [{ at: "entry-forgotten", from: "w.put_at(kind(&[kinds::LOGGED]), order, entry);", to: "let _ = entry;" }],
  },
  {
    name: "break ties by what comes first",
    test: "devices",
    edits: [{ at: "tie-by-arrival", from: ".then_with(|| self.device[..].cmp(device))", to: "" }],
  },
  {
    name: "apply what is older",
    test: "devices",
    edits: [{ at: "older-wins", from: "return Ok(Ok(false)),", to: "{}" }],
  },
  {
    name: "forget the state of a record that is live again",
    test: "lib",
    edits: [{ at: "state-forgotten", from: "state.is_forgettable(*stamp, device, self.now_ms)", to: "true" }],
  },
  {
    name: "store a sum of what is not committed yet",
    test: "devices",
    edits: [{ at: "early-sum", from: "!early.contains(leaf)", to: "true || early.contains(leaf)" }],
  },
  {
    name: "copy the log's entries",
    test: "devices",
    edits: [{ at: "log-copied", from: "(OF_LOG.0..=OF_LOG.1)", to: "(OF_LOG.1..OF_LOG.0)" }],
  },
  {
    name: "write with stamps below what was applied",
    test: "lib",
    edits: [{ at: "clock-not-raised-by-apply", from: "w.stamp_after(entry.stamp.ms);", to: "" }],
  },
  {
    name: "bring back what was removed, once its removal is forgotten",
    test: "lib",
    edits: [{ at: "floor-ignored", from: "self.is_below_floor(entry)", to: "self.is_below_floor(entry) && false" }],
  },
  {
    name: "lower the floor of collected removals",
    test: "lib",
    edits: [{ at: "floor-lowered", from: "floor(w)? <", to: "floor(w)?.is_some() || None <" }],
  },
  {
    name: "give records the stamp of the switch that have one",
    test: "lib",
    edits: [{ at: "seeded-over", from: "!w.contains(&name.state_key())?", to: "!w.contains(&name.state_key())? || true" }],
  },
  {
    name: "use a nonce twice",
    test: "keys",
    edits: [{ at: "nonce-again", from: "self.counter.set(self.counter.get() + 1);", to: "self.counter.set(1);" }],
  },
  {
    name: "bind a record to no life of the patch",
    test: "keys",
    // Its key is bound to it, too.
    edits: [
      { at: "no-life", from: "aad.extend_from_slice(&life.0);", to: "" },
      { at: "no-life-key", from: 'key.derive(&sealer, &[b"patchstore record", &life.0])', to: 'key.derive(&sealer, &[b"patchstore record"])' },
    ],
  },
  {
    name: "bind a record to no place",
    test: "keys",
    edits: [{ at: "no-place", from: "aad.extend_from_slice(&id);", to: "let _ = id;" }],
  },
  {
    name: "bind a frame to no header",
    test: "keys",
    edits: [{ at: "no-header", from: "aad.extend_from_slice(clear);", to: "aad.extend_from_slice(clear.last_chunk::<24>().map_or(&[], |ticket| ticket));" }],
  },
  {
    name: "obey a head that was changed",
    test: "keys",
    edits: [
      {
        at: "head-obeyed",
        from: "opening.and_then(Opening::now)",
        to: "opening.map(|_| record.clone())",
      },
    ],
  },
  {
    name: "take a plain record in an encrypted patch",
    test: "keys",
    edits: [{ at: "plain-taken", from: "return Ok(Underway::Done(seal::forged(kind)));", to: "return Ok(Underway::Done(record));" }],
  },
  {
    name: "keep the keys of what was closed",
    test: "keys",
    edits: [{ at: "key-kept", from: "*self.keys.borrow_mut() = None;", to: "" }],
  },
  {
    name: "apply a frame that was made under another catalog (catalog-unasked)",
    edits: [{ at: "catalog-unasked", from: "header.catalog == state.view.catalog.change", to: "header.catalog == state.view.catalog.change || number > 0" }],
  },
  {
    name: "acknowledge a frame that was made under another catalog (catalog-unasked-own)",
    edits: [{ at: "catalog-unasked-own", from: "sealed.header.catalog == state.view.catalog.change", to: "sealed.header.catalog <= state.view.catalog.change" }],
  },
  {
    name: "send a frame again that was made under another catalog (catalog-resent)",
    test: "engine",
    edits: [{ at: "catalog-resent", from: "is_of_catalog(&state, sealed)", to: "is_of_catalog(&state, sealed) || required == 0" }],
  },
  // Several lines of defence: whatever is not marked keeps the number of its work, and is found out before it is sealed.
  {
    name: "seal blind calls anew when the catalog has changed (blind-sealed-anew)",
    edits: [
      { at: "blind-sealed-anew", from: "self.mark(|_| true);", to: "self.mark_all_stale();" },
      { at: "made-under-unasked", from: "group.catalog != now", to: "group.catalog > now" },
      { at: "catalog-late", from: "let sealed", before: "header.catalog = state.view.catalog.change;" },
    ],
  },
  {
    name: "seal what was made under another catalog as made under this one (catalog-late)",
    edits: [
      { at: "blind-sealed-anew", from: "self.mark(|_| true);", to: "self.mark(|_| false);" },
      { at: "made-under-unasked", from: "group.catalog != now", to: "group.catalog > now" },
      { at: "catalog-late", from: "let sealed", before: "header.catalog = state.view.catalog.change;" },
    ],
  },
  {
    name: "accept a draft that was begun under another catalog (draft-of-old-catalog)",
    edits: [
      { at: "draft-of-old-catalog", from: "since.catalog != self.view.catalog.change", to: "since.catalog > self.view.catalog.change" },
      { at: "made-under-unasked", from: "group.catalog != now", to: "group.catalog > now" },
      { at: "catalog-late", from: "let sealed", before: "header.catalog = state.view.catalog.change;" },
    ],
  },
  {
    name: "write the catalog's records of a large batch ahead (catalog-in-run)",
    edits: [{ at: "catalog-in-run", from: "catalog::has(key)", to: "catalog::has(key) && table.is_empty()" }],
  },
  {
    name: "have a flush say what the catalog is now (catalog-of-now)",
    edits: [{ at: "catalog-of-now", from: "&frozen.catalog", to: "&core.view().catalog" }],
  },
  {
    name: "forget in a draft what it has made of the catalog (catalog-forgotten-in-draft)",
    edits: [{ at: "catalog-forgotten-in-draft", from: "Rc::make_mut(&mut self.catalog).apply(&op);", to: "" }],
  },
  {
    name: "let calls that change the catalog stand beside others (line-unbarred)",
    edits: [{ at: "line-unbarred", from: "draft.changes_catalog", to: "draft.changes_catalog && draft.ops.is_empty()" }],
  },
  {
    name: "leave a call beside others that changes the catalog when it runs again (changing-kept)",
    edits: [{ at: "changing-kept", from: "!call.changes_catalog", to: "!call.changes_catalog && core.lacks(draft.needs())" }],
  },
  {
    name: "leave a tab open whose data are migrated to a later version (migrate-open-old)",
    test: "engine",
    edits: [{ at: "migrate-open-old", from: "catalog.data_version()?.suits(version, excused)", to: "catalog.data_version()?.suits(version, excused) || version > 0" }],
  },
  {
    name: "take a step for room while another is being taken",
    test: "engine",
    edits: [{ at: "steps-at-once", from: "_pass = core.quota.stepping.enter().await", to: "_pass = core.quota.stepping.try_enter()" }],
  },
  {
    name: "refuse a write without waiting for what a step has removed for it",
    test: "engine",
    edits: [{ at: "unrelieved", from: "<= core.quota.held.get()", to: "<= core.quota.held.get().min(0)" }],
  },
  {
    name: "note in the op-log what a migration writes",
    test: "lib",
    edits: [{ at: "migration-noted", from: "w.set_aside(record)", to: "w.set_aside(record) && record.is_empty()" }],
  },
  {
    name: "apply an entry of another version of the data",
    test: "lib",
    edits: [{ at: "version-unasked", from: "entry.version != self.version", to: "entry.version > self.version + 1_000" }],
  },
  {
    name: "hand out what was written before a migration as it was",
    test: "lib",
    edits: [{ at: "old-shape-handed-out", from: "entry.version < version", to: "entry.version > version" }],
  },
  {
    name: "leave the old records behind what a patch is converted into",
    test: "lifecycle",
    edits: [{ at: "old-left", from: "writes.extend(self.records.iter().copied().map(Write::Delete));", to: "" }],
  },
  {
    name: "convert a patch that others have changed",
    test: "lifecycle",
    edits: [{ at: "converted-unseen", from: "state(&head) == state(&self.from)", to: "head.incarnation == self.from.incarnation" }],
  },
  {
    name: "forget the stored clock in a conversion",
    test: "lifecycle",
    edits: [{ at: "conversion-forgets", from: "self.base.clock = head.clock;", to: "" }],
  },
  {
    name: "give stamps again after a conversion",
    test: "lifecycle",
    edits: [{ at: "conversion-stamps", from: "op_log.next_stamp = next_stamp;", to: "let _ = (op_log, next_stamp);" }],
  },
  {
    name: "leave what was written in the clear",
    test: "lifecycle",
    edits: [{ at: "unswept", from: "collect::consider(&core);", to: "" }],
  },
  {
    name: "keep the keys of sealers of what was closed",
    test: "keys",
    edits: [{ at: "derived-kept", from: "self.derived.borrow_mut().clear();", to: "" }],
  },
  {
    name: "seal for the draft that was there first",
    test: "keys",
    edits: [{ at: "draft-kept", from: "is_other && self.vault.is_live()", to: "is_other" }],
  },
  {
    name: "take the keys that another tab has set for those that were to be set",
    test: "keys",
    edits: [{ at: "keys-of-another", from: "goal.is_met(&self::table(core)?)", to: "goal.is_met(&self::table(core)?) || true" }],
  },
  {
    name: "go on behind equal sort values wherever they lie",
    test: "reads",
    edits: [{ at: "after-place-lost", from: "(&key, place) <= (last, *at)", to: "&key <= last" }],
  },
  {
    name: "leave a place provisional whose call has landed",
    test: "engine",
    edits: [{ at: "provisional-forever", from: "r.landed(mark.place)", to: "Landed::Pending" }],
  },
  {
    name: "look for children without having read that there are none",
    test: "engine",
    edits: [
      { at: "cascade-unread", from: "let mut cursor", before: "if r.estimate(&self.left) == 0 { return Ok(false); }" },
    ],
  },
  {
    name: "number a call that runs again by what was there the first time",
    test: "engine",
    edits: [{ at: "sequence-blind", from: "self.numbers.restart();", to: "" }],
  },
  {
    name: "move counters by no number of another device",
    test: "lib",
    edits: [{ at: "numbers-not-followed", from: "collection.follow(w, &mut self.numbers, doc)?;", to: "" }],
  },
  {
    name: "make references null before all that cascades has gone",
    test: "constraints",
    edits: [
      { at: "set-null-first", from: "OnDelete::Cascade", to: "OnDelete::SetNull" },
      {
        at: "set-null-first-next",
        from: "OnDelete::Cascade => OnDelete::SetNull, OnDelete::SetNull => OnDelete::Restrict,",
        to: "OnDelete::SetNull => OnDelete::Cascade, OnDelete::Cascade => OnDelete::Restrict,",
      },
    ],
  },
  {
    name: "ask a unique index on the way of a call",
    test: "indexing",
    edits: [{ at: "unique-before-end", from: "Some(&mut self.end)", to: "None" }],
  },
  ...["Head", "Root", "Directory", "Frame", "Segment", "Piece"].map((kind) => ({
    name: `bind no ${kind.toLowerCase()} record to anything`,
    test: "keys",
    edits: [
      { at: "bound-sealing", from: "aad(&clear, life, key)", to: `if kind == Kind::${kind} { Vec::new() } else { aad(&clear, life, key) }` },
      {
        at: "bound-opening",
        from: "aad(record.get(..end + TICKET).unwrap_or_default(), life, key)",
        to: `if kind == Kind::${kind} { Vec::new() } else { aad(record.get(..end + TICKET).unwrap_or_default(), life, key) }`,
      },
    ],
  })),
  {
    name: "delete a document and leave its index entries (entry-alone)",
    edits: [{ at: "entry-alone", from: "beside.write(w, at);", to: "drop(beside);" }],
  },
  {
    name: "leave the index entries of what a document was (entry-stale)",
    edits: [{ at: "entry-stale", from: "w.delete_at(key, place)", to: "drop((key, place))" }],
  },
  {
    name: "look for an equal value without depending on it (unique-stale-view)",
    test: "engine",
    edits: [
      { at: "unique-stale-view", from: "w.scan(&mut cursor, false,", before: "if w.estimate(&cursor.range) == 0 { continue; }" },
    ],
  },
  {
    name: "keep no index that is being built (building-unkept)",
    test: "engine",
    edits: [{ at: "building-unkept", from: "changed.find(layout, index, old, new)?;", to: "if index.is_ready() { changed.find(layout, index, old, new)?; }" }],
  },
  {
    name: "end a build without a look at what writers have marked (mark-unread)",
    test: "engine",
    edits: [{ at: "mark-unread", from: "w.get(&definition::of_build(BUILD_MARK, self.build))?", to: "w.get(&definition::of_build(BUILD_MARK, self.build))?.filter(|mark| mark.is_empty())" }],
  },
  {
    name: "go through the documents of a build without a look at what is unique (page-blind)",
    test: "engine",
    edits: [{ at: "page-blind", from: "self.end.step(w, of)", to: "Ok(drop((w, of)))" }],
  },
  {
    name: "hand out equal values in reverse, descending (ties-reversed)",
    test: "reads",
    edits: [{ at: "ties-reversed", from: "self.turned.pop()", to: "(!self.turned.is_empty()).then(|| self.turned.remove(0))" }],
  },
  {
    name: "take what an index sorts by first for the whole order (order-by-beginning)",
    test: "reads",
    edits: [{ at: "order-by-beginning", from: "matches!(scan.order, Order::Runs { .. })", to: "false" }],
  },
  {
    name: "take cut keys for all that there is to the order (cut-as-equal)",
    test: "reads",
    edits: [{ at: "cut-as-equal", from: "is_cut = true;", to: "" }],
  },
  {
    name: "look in a multi index for the elements alone (multi-string-missed)",
    test: "reads",
    edits: [{ at: "multi-string-missed", from: "scan.ranges.iter()", to: "scan.ranges.iter().take(1)" }],
  },
  {
    name: "leave the number of a chunk out of its check (chunk-unnumbered)",
    test: "lifecycle",
    edits: [{ at: "chunk-unnumbered", from: "number.to_le_bytes()", to: "0_u64.to_le_bytes()" }],
  },
  {
    name: "delete what an export still needs (export-unheld)",
    test: "lifecycle",
    edits: [{ at: "export-unheld", from: "garbage.epoch <= epoch", to: "garbage.epoch <= epoch || garbage.epoch > epoch" }],
  },
  {
    name: "flip again and again at rest for what an export holds (tidied-held)",
    test: "lifecycle",
    edits: [{ at: "tidied-held", from: "all == bytes_of(&garbage::listed(core))", to: "all == 0" }],
  },
  {
    name: "drop a large batch in one task (draft-dropped-at-once)",
    test: "scaling",
    edits: [{ at: "draft-dropped-at-once", from: "let_go(self.base.env(), held);", to: "drop(held);" }],
  },
  {
    name: "drop what was flushed in one task (table-dropped-at-once)",
    test: "scaling",
    edits: [{ at: "table-dropped-at-once", from: "bury::table(core, Some(table));", to: "drop(table);" }],
  },
  {
    name: "take an archive that was cut for a whole one (import-cut)",
    test: "lifecycle",
    edits: [{ at: "import-cut", from: "self.splitter.end()?", to: "let _ = self.splitter.end()" }],
  },
  {
    name: "look through all contents for each write that has no room (collects-at-once)",
    test: "engine",
    edits: [{ at: "collects-at-once", from: "collected.rests_ms(known(), now_ms, for_write)", to: "collected.rests_ms(u64::MAX, now_ms, for_write).or(Some(0.0))" }],
  },
  {
    name: "put upkeep off where room is short (never-short)",
    test: "engine",
    edits: [{ at: "never-short", from: "!quota::is_above(level_of(core, origin), PLENTY)", to: "level_of(core, origin).0 >= 0.0" }],
  },
  {
    name: "hand out a document for each of its elements (multi-twice)",
    test: "reads",
    edits: [{ at: "multi-twice", from: "self.last.replace(place) != Some(place)", to: "self.last.replace(place) != Some(place) || true" }],
  },
  {
    name: "note nowhere that a record comes to hold a content (citation-forgotten)",
    test: "contents",
    edits: [{ at: "citation-forgotten", from: "w.put(citation, Bytes::new());", to: "drop(citation);" }],
  },
  {
    name: "refer to a content without a look whether it is here (cited-unread)",
    test: "contents",
    edits: [
      {
        at: "cited-unread",
        from: "r.get(&content_key(hash))?",
        to: "Some(Content { size: *size, upload: crate::record::Id([0; 16]), piece_bytes: 1 }.encode())",
      },
    ],
  },
  {
    name: "collect at once what was put and is not taken up yet (fresh-collected)",
    test: "contents",
    edits: [{ at: "fresh-collected", from: "HOUR_MS", to: "0" }],
  },
  {
    name: "take it that every citation names a record that holds the content (holder-unread)",
    test: "contents",
    edits: [{ at: "holder-unread", from: "cited::names(&found, hash)", to: "true" }],
  },
  {
    name: "bury a content without another look at who holds it (buried-alive)",
    test: "contents",
    edits: [{ at: "buried-alive", from: "|| holds(w, record_of(citation)?, &self.hash)?", to: "" }],
  },
  {
    name: "delete citations without another look at their records (trimmed-unread)",
    test: "contents",
    edits: [{ at: "trimmed-unread", from: "!holds(w, record_of(citation)?, &self.hash)?", to: "!citation.is_empty()" }],
  },
  {
    name: "end a pass over the contents at a damaged key (damage-ends-pass)",
    test: "engine",
    edits: [{ at: "damage-ends-pass", from: "damage = damage.or(Some(error))", to: "return Err(damage.unwrap_or(error))" }],
  },
  {
    name: "store again what is here already (put-twice)",
    test: "contents",
    edits: [{ at: "put-twice", from: "w.get(&content)?", to: "w.get(&content)?.filter(|_| false)" }],
  },
  {
    name: "give no time to take up what was put (put-unmarked)",
    test: "contents",
    edits: [{ at: "put-unmarked", from: "w.put(fresh_key(&self.hash, self.upload), ms_bytes(self.now_ms));", to: "" }],
  },
  {
    name: "give up an upload that has become a content (finished-abandoned)",
    test: "contents",
    edits: [{ at: "finished-abandoned", from: "w.contains(&key)?", to: "true" }],
  },
  {
    name: "hand out a piece of another size (piece-unchecked)",
    test: "contents",
    edits: [{ at: "piece-unchecked", from: "size != self.content.bytes_of(self.next)", to: "size == u64::MAX" }],
  },
];
