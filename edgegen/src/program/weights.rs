//! Packed weights: files of the generated crate and references into them.

use std::ops::Range;

use edgegen_templates::weight_file::HEADER_BYTES;

use crate::program::{COLUMN_PADDING, WeightFormat};

/// Alignment of a tensor in its file and of the file in memory, in bytes.
pub const ALIGNMENT: usize = 64;
/// Largest weight file, in bytes: the compiler's time and memory grow with a file's size.
pub const MAX_FILE_BYTES: usize = 16_000_000;

/// One file under `weights/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightFile {
    /// Name without the folder or suffix: `layer_00`.
    pub name: String,
    /// Content.
    pub bytes: Vec<u8>,
}

/// Names and sizes of the weight files, in order of execution.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileLayout {
    files: Vec<(String, usize)>,
}

/// The files in order of execution.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WeightFiles {
    files: Vec<WeightFile>,
}

/// A run of bytes in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Index of the file.
    pub file: usize,
    /// The bytes.
    pub range: Range<usize>,
}

/// A packed `[rows, cols]` matrix. Parts hold whole groups of rows, all but
/// the last the same number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrix {
    /// Name in the generated crate.
    pub name: String,
    /// Rows, a multiple of the group where fused parts were padded.
    pub rows: usize,
    /// Columns before padding.
    pub cols: usize,
    /// How weights are held.
    pub format: WeightFormat,
    /// Where they are.
    pub parts: Vec<Part>,
}

/// Little-endian f32s, padded with zeros to a multiple of 32.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vector {
    /// Name in the generated crate.
    pub name: String,
    /// Elements, padding included.
    pub len: usize,
    /// Where they are.
    pub part: Part,
}

impl Matrix {
    /// Columns, in blocks.
    pub fn blocks(&self) -> usize {
        self.cols.div_ceil(COLUMN_PADDING)
    }

    /// Row groups of a part.
    pub fn groups(&self, part: &Part) -> usize {
        part.range.len() / self.format.group_bytes(self.cols)
    }
}

impl FileLayout {
    /// Starts a file.
    pub fn start(&mut self, name: impl Into<String>) {
        self.files.push((name.into(), 0));
    }

    /// Gives so many bytes an aligned place in the file that was started last; a second file
    /// continues it when it would grow too large.
    pub fn append(&mut self, bytes: usize) -> Part {
        let full = self
            .files
            .last()
            .is_none_or(|(_, len)| *len > 0 && len + bytes > MAX_FILE_BYTES);
        if full {
            let name = self.continuation_name();
            self.start(name);
        }
        let file = self.files.len() - 1;
        let len = &mut self.files[file].1;
        let start = len.next_multiple_of(ALIGNMENT);
        *len = start + bytes;
        Part {
            file,
            range: start..*len,
        }
    }

    fn continuation_name(&self) -> String {
        let last = self.files.last().map_or("weights", |(name, _)| name);
        let (stem, index) = last
            .rsplit_once("_part_")
            .and_then(|(stem, index)| Some((stem, index.parse::<usize>().ok()?)))
            .unwrap_or((last, 1));
        format!("{stem}_part_{}", index + 1)
    }

    /// Bytes of each file.
    pub fn lens(&self) -> impl Iterator<Item = usize> {
        self.files.iter().map(|(_, len)| *len)
    }
}

impl WeightFiles {
    /// Files of zeros.
    pub fn new(layout: &FileLayout) -> Self {
        let files = layout.files.iter().map(|(name, len)| WeightFile {
            name: name.clone(),
            bytes: vec![0; *len],
        });
        Self {
            files: files.collect(),
        }
    }

    /// The files, in order of execution.
    pub fn files(&self) -> &[WeightFile] {
        &self.files
    }

    /// The bytes that a part names.
    pub fn bytes(&self, part: &Part) -> &[u8] {
        &self.files[part.file].bytes[part.range.clone()]
    }

    /// All bytes, file after file.
    pub fn joined(&self) -> Vec<u8> {
        let files: Vec<&[u8]> = self.files.iter().map(|file| &file.bytes[..]).collect();
        files.concat()
    }

    /// Takes over what [`joined`](Self::joined) gave, if it is of this size.
    pub fn fill(&mut self, bytes: &[u8]) -> bool {
        let fits = bytes.len() == self.total_bytes();
        if fits {
            let mut rest = bytes;
            for file in &mut self.files {
                let (bytes, later) = rest.split_at(file.bytes.len());
                file.bytes.copy_from_slice(bytes);
                rest = later;
            }
        }
        fits
    }

    /// The bytes that a part names, to be written.
    pub fn bytes_mut(&mut self, part: &Part) -> &mut [u8] {
        &mut self.files[part.file].bytes[part.range.clone()]
    }

    /// Bytes of each file.
    pub fn lens(&self) -> impl Iterator<Item = usize> {
        self.files.iter().map(|file| file.bytes.len())
    }

    /// Bytes of all files.
    pub fn total_bytes(&self) -> usize {
        self.lens().sum()
    }
}

/// Where files of these sizes start in the one that holds them all, and where that ends.
pub fn joined(lens: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut end = HEADER_BYTES;
    let mut places = vec![end];
    for len in lens {
        end = (end + len).next_multiple_of(ALIGNMENT);
        places.push(end);
    }
    places
}
