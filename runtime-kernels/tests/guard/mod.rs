//! An allocator whose memory ends before a page that nobody may touch, and begins behind one: a
//! read or write of one element too far ends the program.

use std::alloc::{GlobalAlloc, Layout};
use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

/// The allocator.
pub struct Guard;

/// Whether memory lies directly behind a page of no access, and not directly before one.
pub static BEHIND: AtomicBool = AtomicBool::new(false);

const PAGE: usize = 4096;

// The constants of Linux on x86-64.
const PROT_NONE: c_int = 0;
const PROT_READ_WRITE: c_int = 3;
const MAP_PRIVATE_ANONYMOUS: c_int = 0x22;
const MAP_FAILED: usize = usize::MAX;

// Of the C library that std is linked with.
unsafe extern "C" {
    fn mmap(
        address: *mut c_void,
        len: usize,
        protection: c_int,
        flags: c_int,
        file: c_int,
        offset: i64,
    ) -> *mut c_void;
    fn mprotect(address: *mut c_void, len: usize, protection: c_int) -> c_int;
    fn munmap(address: *mut c_void, len: usize) -> c_int;
}

// SAFETY: each allocation has pages of its own, as many as it needs, and is aligned in them.
unsafe impl GlobalAlloc for Guard {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let len = layout.size().next_multiple_of(PAGE);
        let before = (len - layout.size()) & !(layout.align() - 1);
        let offset = if BEHIND.load(Ordering::Relaxed) {
            0
        } else {
            before
        };
        // SAFETY: the system chooses an address where nothing is, and the rest is in what it gave.
        unsafe {
            let all = len + 2 * PAGE;
            let start = mmap(
                ptr::null_mut(),
                all,
                PROT_NONE,
                MAP_PRIVATE_ANONYMOUS,
                -1,
                0,
            );
            if start.addr() == MAP_FAILED || layout.align() > PAGE {
                return ptr::null_mut();
            }
            let memory = start.cast::<u8>().add(PAGE);
            match mprotect(memory.cast(), len, PROT_READ_WRITE) {
                0 => memory.add(offset),
                _ => ptr::null_mut(),
            }
        }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        let len = layout.size().next_multiple_of(PAGE);
        // The allocation begins in the first page that may be touched.
        let start = memory.map_addr(|at| at / PAGE * PAGE - PAGE);
        // SAFETY: `alloc` mapped these pages for this allocation alone.
        unsafe { munmap(start.cast(), len + 2 * PAGE) };
    }
}
