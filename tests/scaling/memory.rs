//! An allocator that counts what each thread takes and holds, and may refuse.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static TAKEN: Cell<usize> = const { Cell::new(0) };
    static STEPS: Cell<usize> = const { Cell::new(0) };
    static HELD: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
    static MOST: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// The system's allocator, counting.
pub struct Counting;

// SAFETY: everything is the system's allocator's; counting touches only cells of the thread.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() > MOST.get() {
            return std::ptr::null_mut();
        }
        TAKEN.set(TAKEN.get().wrapping_add(layout.size()));
        STEPS.set(STEPS.get().wrapping_add(1));
        HELD.set(HELD.get().wrapping_add(layout.size()));
        PEAK.set(PEAK.get().max(HELD.get()));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        STEPS.set(STEPS.get().wrapping_add(1));
        HELD.set(HELD.get().wrapping_sub(layout.size()));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// From now on, this thread has no memory for more bytes at once.
pub fn refuse_above(bytes: usize) {
    MOST.set(bytes);
}

/// Bytes that this thread has ever taken: whatever copies or makes anything takes memory for it.
pub fn taken() -> usize {
    TAKEN.get()
}

/// How often this thread has taken memory or given it back.
pub fn steps() -> usize {
    STEPS.get()
}

/// Bytes that this thread holds now.
pub fn held() -> usize {
    HELD.get()
}

/// The most bytes that this thread has held at once while `work` ran.
pub async fn most_held(work: impl Future) -> usize {
    PEAK.set(HELD.get());
    work.await;
    PEAK.get()
}
