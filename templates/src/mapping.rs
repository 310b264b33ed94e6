//! A file in memory: mapped where the system can, else read.

use core::ops::Deref;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::vec::Vec;

use system::Mapping;

/// Bytes of a cache line.
const ALIGNMENT: usize = 64;

/// A file's content, from the start of a cache line on.
#[derive(Debug)]
pub enum Content {
    /// Pages that the system reads when they are used, and that processes share.
    Mapped(Mapping),
    /// What was read.
    Read {
        /// The content, after some padding.
        bytes: Vec<u8>,
        /// Where it starts.
        start: usize,
    },
}

impl Content {
    /// The first bytes of a file, `most` of them or all; nobody may change or shorten it as long as
    /// it is in use.
    ///
    /// # Errors
    ///
    /// When the system cannot read it.
    pub fn open(path: &Path, most: usize) -> io::Result<Self> {
        let file = File::open(path)?;
        // What is no file, such as a partition, may have no length.
        let len = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        match Mapping::new(&file, len.min(most)) {
            Some(mapping) => Ok(Self::Mapped(mapping)),
            None => Self::read(file, most),
        }
    }

    fn read(file: impl Read, most: usize) -> io::Result<Self> {
        // Room to notice the end in, so that the buffer stays where it is.
        let mut bytes: Vec<u8> = Vec::new();
        let room = most.saturating_add(2 * ALIGNMENT);
        bytes.try_reserve_exact(room).map_err(io::Error::other)?;
        let start = bytes.as_ptr().align_offset(ALIGNMENT);
        bytes.resize(start, 0);
        file.take(most as u64).read_to_end(&mut bytes)?;
        Ok(Self::Read { bytes, start })
    }
}

impl Deref for Content {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(mapping) => mapping.bytes(),
            Self::Read { bytes, start } => &bytes[*start..],
        }
    }
}

#[cfg(all(
    any(target_os = "linux", target_os = "android"),
    target_pointer_width = "64"
))]
mod system {
    use core::ffi::{c_int, c_void};
    use core::ptr::{self, NonNull};
    use std::fs::File;
    use std::os::fd::AsRawFd;

    // The constants of Linux, on every architecture.
    const PROT_READ: c_int = 1;
    const MAP_PRIVATE: c_int = 2;
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
        fn munmap(address: *mut c_void, len: usize) -> c_int;
    }

    /// A file's pages, to be read only.
    #[derive(Debug)]
    pub struct Mapping {
        start: NonNull<u8>,
        len: usize,
    }

    // SAFETY: the pages belong to no thread, and none writes to them.
    unsafe impl Send for Mapping {}
    // SAFETY: as above.
    unsafe impl Sync for Mapping {}

    impl Mapping {
        /// Maps the first `len` bytes of a file, if there are any and the system can.
        pub fn new(file: &File, len: usize) -> Option<Self> {
            // SAFETY: the system chooses an address where nothing is, and the file stays mapped
            // when it is closed.
            let start = unsafe {
                mmap(
                    ptr::null_mut(),
                    len,
                    PROT_READ,
                    MAP_PRIVATE,
                    file.as_raw_fd(),
                    0,
                )
            };
            let start = NonNull::new(start.cast()).filter(|start| start.addr().get() != MAP_FAILED);
            Some(Self { start: start?, len })
        }

        /// The file's bytes.
        pub fn bytes(&self) -> &[u8] {
            // SAFETY: `len` bytes are mapped as long as this value lives, and whoever opened the
            // file promised that nobody changes or shortens it until then.
            unsafe { core::slice::from_raw_parts(self.start.as_ptr(), self.len) }
        }
    }

    impl Drop for Mapping {
        fn drop(&mut self) {
            // SAFETY: this value made the mapping, and nothing borrows from it any more. It can
            // only fail where there is no mapping.
            unsafe { munmap(self.start.as_ptr().cast(), self.len) };
        }
    }
}

#[cfg(not(all(
    any(target_os = "linux", target_os = "android"),
    target_pointer_width = "64"
)))]
mod system {
    use std::fs::File;

    /// There is none on this system.
    #[derive(Debug)]
    pub enum Mapping {}

    impl Mapping {
        /// Nothing.
        pub fn new(_: &File, _: usize) -> Option<Self> {
            None
        }

        /// Of no mapping.
        pub fn bytes(&self) -> &[u8] {
            match *self {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = include_bytes!("mapping.rs");

    #[test]
    fn a_file_is_mapped_or_read_from_a_cache_line_on() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/mapping.rs");
        let opened = Content::open(&path, usize::MAX).unwrap();
        assert!(cfg!(not(target_os = "linux")) || matches!(opened, Content::Mapped(_)));
        let read = Content::read(File::open(&path).unwrap(), TEXT.len()).unwrap();
        for content in [opened, read] {
            assert!(*content == *TEXT);
            assert_eq!(content.as_ptr().addr() % ALIGNMENT, 0);
            // It may go to another thread, and be dropped there.
            std::thread::spawn(move || assert!(*content == *TEXT))
                .join()
                .unwrap();
        }
    }

    #[test]
    fn what_cannot_be_mapped_is_read_or_refused() {
        let folder = env!("CARGO_MANIFEST_DIR");
        assert!(Content::open(Path::new(folder), 9).is_err());
        assert!(Content::open(&Path::new(folder).join("no such file"), 9).is_err());
        let nothing = Content::read(&[][..], 0).unwrap();
        assert!(nothing.is_empty());
        let empty = std::env::temp_dir().join(std::format!("empty-{}", std::process::id()));
        File::create(&empty).unwrap();
        assert!(Content::open(&empty, 9).unwrap().is_empty());
        std::fs::remove_file(empty).unwrap();
    }

    #[test]
    fn as_much_is_read_as_there_is_and_may_be() {
        for (most, there) in [(0, 5000), (10, 9), (5000, 0), (63, 64), (64, 64)] {
            let bytes = std::vec![7; there];
            let content = Content::read(&bytes[..], most).unwrap();
            assert_eq!(*content, bytes[..most.min(there)]);
            assert_eq!(content.as_ptr().addr() % ALIGNMENT, 0);
        }
    }

    #[test]
    fn a_file_without_an_end_is_read_to_a_length() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/mapping.rs");
        assert_eq!(*Content::open(&path, 100).unwrap(), TEXT[..100]);
        if cfg!(unix) {
            assert_eq!(
                *Content::open(Path::new("/dev/zero"), 100).unwrap(),
                [0; 100]
            );
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_is_dropped_is_mapped_no_more() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/session.rs");
        let maps = || std::fs::read_to_string("/proc/self/maps").unwrap();
        let mapped = || maps().contains("src/session.rs");
        let content = Content::open(&path, usize::MAX).unwrap();
        assert!(mapped());
        drop(content);
        assert!(!mapped());
    }
}
