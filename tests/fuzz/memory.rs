//! An allocator that knows how much is taken.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static TAKEN: Cell<usize> = const { Cell::new(0) };
    static MOST: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, counting what each thread takes.
pub struct Counting;

fn take(bytes: usize) {
    let taken = TAKEN.get().wrapping_add(bytes);
    TAKEN.set(taken);
    MOST.set(MOST.get().max(taken));
}

// SAFETY: everything is the system's allocator's; counting touches only cells of the thread.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        TAKEN.set(TAKEN.get().saturating_sub(layout.size()));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Measures how much more than now is taken at most.
pub struct Peak {
    from: usize,
}

impl Peak {
    /// From now on.
    pub fn start() -> Self {
        MOST.set(TAKEN.get());
        Self { from: TAKEN.get() }
    }

    /// Until now.
    pub fn bytes(&self) -> usize {
        MOST.get().saturating_sub(self.from)
    }
}
