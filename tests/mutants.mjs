/**
 * Planted bugs, each caught by the simulation. A mutant is an edit of a source file, or several
 * (`and`): if a text that it replaces is not there exactly once, it fails, so that none goes stale
 * unseen.
 * @type {({name: string} & Edit & {and?: Edit})[]}
 * @typedef {{file: string, from: string, to: string}} Edit
 */
export const MUTANTS = [
  {
    name: "acknowledge before the transaction completes",
    file: "src/engine/commit.rs",
    from: "        match recover::unless_lost(core, pending.await).await {\n            Ok(appended)",
    to: `        if let Some(group) = core.state.borrow_mut().queue.groups.front_mut() {
            group.calls.iter_mut().for_each(|call| call.settle(super::done::Outcome::Committed));
        }
        match recover::unless_lost(core, pending.await).await {\n            Ok(appended)`,
  },
  {
    name: "send a dependent write without the number it depends on",
    file: "src/engine/sealing.rs",
    from: "        header.required = next;\n",
    to: "        header.required = 0;\n",
  },
  {
    name: "apply a dependent frame under another number than it demands",
    file: "src/engine/intake.rs",
    from: "(header.required != 0 && header.required != number)",
    to: "(header.required != 0 && header.required == u64::MAX && number > 0)",
    // Two lines of defence: its writer judges it too.
    and: {
      file: "src/engine/commit.rs",
      from: "&& (required == 0 || required == appended.number)",
      to: "&& (required == 0 || required > 0)",
    },
  },
  {
    name: "take it that a commit counts whatever its number",
    file: "src/engine/commit.rs",
    from: "        && appended.number == state.known + 1\n",
    to: "        && appended.number > state.known\n",
  },
  {
    name: "raise the generation without using up a number",
    file: "src/engine/flip.rs",
    from: "            writes.push(Write::Add(Some(self.fence()), fence));\n",
    to: "            drop(fence);\n",
  },
  {
    name: "delete without using up a number",
    file: "src/engine/lifecycle.rs",
    from: "                writes.push(Write::Add(None, fence().frame));\n",
    to: "",
  },
  {
    name: "report a commit of unknown outcome as failed",
    file: "src/engine/commit.rs",
    from: "            Err(Failure::Lost) => {\n                *uncertain = true;\n",
    to: "            Err(Failure::Lost) => {\n                return Err(recover::error_of(core, Failure::Quota(None)).await);\n                #[expect(unreachable_code)]\n                {}\n                *uncertain = true;\n",
  },
  {
    name: "acknowledge a commit that the view does not show yet",
    file: "src/engine/commit.rs",
    from: "        let epoch = sealed.epoch;\n",
    to: "        let epoch = sealed.epoch;\n        if !lost_race {\n            super::flight::landed(core, sequence, None);\n        }\n",
  },
  {
    name: "leave calls alone that were built on a failed one",
    file: "src/engine/flight.rs",
    from: "        state.mark_stale(&writes);\n        state.interests.tell_all();",
    to: "        state.interests.tell_all();",
  },
  {
    name: "apply void frames",
    file: "src/engine/intake.rs",
    from: "    if !is_of_now || (header",
    to: "    if (!is_of_now && false) || (header",
  },
  {
    name: "apply a frame twice that was sent twice",
    file: "src/engine/intake.rs",
    from: ".is_some_and(|seen| header.sequence <= *seen)",
    to: ".is_some_and(|seen| header.sequence < *seen)",
    // Two lines of defence: a commit is sent again only when it is not in the log.
    and: {
      file: "src/engine/recover.rs",
      from: "    if !is_in_flight(core, sequence) {\n        return Ok(true);\n    }",
      to: "    if is_in_flight(core, sequence) || true {\n        return Ok(false);\n    }",
    },
  },
  {
    name: "overlook that another tab's frame touches what was read",
    file: "src/engine/intake.rs",
    from: "            state.mark_stale(&writes);",
    to: "            drop(writes.keys());",
  },
  {
    name: "cut one frame too many",
    file: "src/engine/flip.rs",
    from: "                through: self.position,",
    to: "                through: self.position + 1,",
  },
  {
    name: "flip upon a head that another tab has replaced",
    file: "src/engine/flip.rs",
    from: "            && head.epoch == base.epoch;",
    to: "            && head.epoch >= base.epoch;",
  },
  {
    name: "install a flush whose layers were built anew meanwhile",
    file: "src/engine/flip.rs",
    from: "        layers && state.head.epoch == self.base.epoch",
    to: "        (layers || true) && state.head.epoch == self.base.epoch",
  },
  {
    name: "collect orphans without raising the generation",
    file: "src/engine/collect.rs",
    from: "        flip.new_generation = true;\n",
    to: "",
  },
  {
    name: "write segments ahead without flushing them to the disk",
    file: "src/engine/staging.rs",
    from: "match backend.write(writes.clone(), Durability::Strict).await {",
    to: "match backend.write(writes.clone(), self.core.options.durability).await {",
  },
  {
    name: "leave large records of a relaxed commit to a later one to flush",
    file: "src/engine/commit.rs",
    from: "        let durability = if sealed.is_large() {",
    to: "        let durability = if sealed.is_large() && false {",
  },
  {
    name: "ignore checksums",
    file: "src/codec/seal.rs",
    from: "    twox_hash::XxHash64::oneshot(0, bytes)",
    to: "    bytes.len() as u64",
  },
  {
    name: "drop tombstones that still hide something",
    file: "src/engine/merge.rs",
    from: "        .any(|page| page.first <= last && first <= page.last);",
    to: "        .any(|page| page.first <= last && first <= page.last && false);",
  },
  {
    name: "forget that a range was read",
    file: "src/engine/read_set.rs",
    from: "        self.ranges.add(range);\n        self.fit(MAX_READ_SET_BYTES);\n    }\n\n    /// Notes all",
    to: "        let _ = range;\n    }\n\n    /// Notes all",
  },
  {
    name: "take it that a new connection leads to the same life of the database",
    file: "src/engine/recover.rs",
    from: "                state.looked = false;\n",
    to: "",
  },
  {
    name: "go on half-way on a newer view",
    file: "src/engine/draft.rs",
    from: "        self.view = view;\n        self.fresh = true;",
    to: "        self.view = view;\n        self.fresh = false;",
  },
  {
    name: "count frames anew where the log goes on counting",
    file: "src/engine/open.rs",
    from: "    head.position = seen.last_frame.filter(|last| *last >= appended)? + 1;",
    to: "    head.position = seen.last_frame.unwrap_or(appended * 0) + 1;",
  },
  {
    name: "begin the orders of a copy anew",
    file: "src/engine/flip.rs",
    from: "        self.base.base = self.base.base.max(base);",
    to: "        self.base.base = self.base.base.max(base * 0);",
  },
  {
    name: "forget a group that needs not run again when another one does",
    file: "src/engine/rebuild.rs",
    from: "        self.groups.push(group);\n        self.own.push(table);\n",
    to: "        drop((group, table));\n",
  },
  {
    name: "do not tell copies of a pending call",
    file: "src/engine/submit.rs",
    from: "        None => interests.tell(&call.ops, PROVISIONAL + call.id),\n",
    to: "        None => drop(PROVISIONAL),\n",
  },
  {
    name: "do not tell copies of a commit",
    file: "src/engine/state.rs",
    from: "        self.interests.tell_batch(batch, self.head.base + number);\n",
    to: "",
  },
  {
    name: "do not tell copies of calls that failed or were run again",
    file: "src/engine/state.rs",
    from: "        Rc::make_mut(&mut self.view).own = own;\n        self.interests.tell_all();\n",
    to: "        Rc::make_mut(&mut self.view).own = own;\n",
  },
  {
    name: "do not tell copies that the log was cut past what is known",
    file: "src/engine/intake.rs",
    from: "        state.interests.tell_all();\n",
    to: "",
  },
  {
    name: "take every change of a document not yet committed for an insertion",
    file: "src/engine/interest.rs",
    from: "|order| order.frame == frame)",
    to: "|order| order.is_provisional() || order.frame == frame)",
  },
  {
    name: "accept a large batch that was overtaken while it was made ready",
    file: "src/engine/submit.rs",
    from: "                if drafted.is_overtaken(core) {\n                    continue;",
    to: "                if drafted.is_overtaken(core) && drafted.since == u64::MAX {\n                    continue;",
  },
  {
    name: "take it that a commit which is said to be aborted is not there",
    file: "src/engine/commit.rs",
    from: "                if recover::has_landed(core,",
    to: "                if false && recover::has_landed(core,",
  },
  {
    name: "delete what a flip has staged that is said to be aborted",
    file: "src/engine/flip.rs",
    from: "        *core.state.borrow().view.root == self.root\n",
    to: "        core.state.borrow().view.root.epoch == u64::MAX\n",
    and: {
      file: "src/engine/flip.rs",
      from: "head.epoch == self.base.epoch;\n        match outcome",
      to: "head.epoch >= self.base.epoch;\n        match outcome",
    },
  },
  {
    name: "show what is pending over what it does not fit",
    file: "src/engine/queue.rs",
    from: "        self.hold > 0 || self.unfit\n",
    to: "        self.hold > 0\n",
  },
  {
    name: "delete without using up a number after any failure",
    file: "src/engine/lifecycle.rs",
    from: "            Err(Failure::Taken | Failure::Aborted(..) | Failure::Memory(_)) => {}\n",
    to: "            Err(Failure::Taken | Failure::Aborted(..) | Failure::Memory(_)) => fenced = false,\n",
  },
  {
    name: "list pieces that nothing newer hides",
    file: "src/engine/dead.rs",
    from: "            if newest.is_none_or(|cell| cites(&cell)) {",
    to: "            if newest.is_some_and(|cell| cites(&cell)) {",
  },
  {
    name: "overlook pieces of the levels that a flush hides",
    file: "src/engine/dead.rs",
    from: "            found.look_into(&entries, &view.layers, true).await?;\n",
    to: "            drop(entries);\n",
  },
  {
    name: "list pieces again that the directory hides already",
    file: "src/engine/dead.rs",
    from: "            let is_new = !in_directory\n",
    to: "            let is_new = true || !in_directory\n",
  },
  {
    name: "delete what a flip replaces before it is live",
    file: "src/engine/flip.rs",
    from: "        self.root.garbage.append(&mut self.garbage);\n",
    to: "        let early: Vec<Key> = self.garbage.iter().map(|garbage| garbage.key).collect();\n        delete(core, &early).await;\n        self.root.garbage.append(&mut self.garbage);\n",
  },
  {
    name: "leave calls alone that a transaction in its turn goes before",
    file: "src/engine/submit.rs",
    from: "        state.mark_stale(&writes);\n        let mut group = Group::default();\n",
    to: "        let mut group = Group::default();\n",
  },
  {
    name: "commit a transaction in its turn whatever has come since",
    file: "src/engine/prepared.rs",
    from: "        submit::touched_since(&core.state.borrow(), &prepared.since, &prepared.draft.reads);\n",
    to: "        false && submit::touched_since(&core.state.borrow(), &prepared.since, &prepared.draft.reads);\n",
  },
];
