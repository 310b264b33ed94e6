//! The file's layout: header, metadata, tensor table, data.

use std::collections::HashSet;

use super::metadata::Metadata;
use super::reader::Reader;
use crate::error::{Error, Place, Result};
use crate::model::{DType, Tensor, View};

/// A file taken apart.
pub(super) struct File {
    pub metadata: Metadata,
    pub tensors: Vec<Tensor>,
}

/// A row of the tensor table.
struct Entry<'a> {
    name: &'a str,
    rows: usize,
    cols: usize,
    dtype: DType,
    offset: usize,
}

/// Takes a file apart; `view` begins with the magic. `check` sees the metadata before a tensor is
/// looked at.
pub(super) fn parse(view: &View, check: impl FnOnce(&Metadata) -> Result<()>) -> Result<File> {
    let mut reader = Reader::new(view.bytes());
    check_version(&mut reader)?;
    // A tensor's entry takes at least 32 bytes, a key with its value 13.
    let tensor_count = reader.count(32, "tensors")?;
    let key_count = reader.count(13, "metadata keys")?;
    let metadata = Metadata::read(&mut reader, key_count)?;
    check(&metadata)?;
    let alignment = alignment(&metadata)?;
    let mut seen = HashSet::new();
    let mut entries = Vec::new();
    for _ in 0..tensor_count {
        let entry = entry(&mut reader, alignment)?;
        if !seen.insert(entry.name) {
            return Err(of_tensor(
                entry.name,
                "the tensor is there twice".to_owned(),
            ));
        }
        entries.push(entry);
    }
    let start = reader.position().next_multiple_of(alignment);
    let tensors = entries
        .iter()
        .map(|entry| place(entry, view, start))
        .collect::<Result<Vec<_>>>()?;
    check_overlaps(&entries)?;
    Ok(File { metadata, tensors })
}

fn check_version(reader: &mut Reader<'_>) -> Result<()> {
    let magic = reader.take(4)?;
    let version = reader.u32()?;
    if magic == b"FUGG" || (version != 0 && version & 0xFFFF == 0) {
        return Err(Error::unsupported("the file is big-endian")
            .at("version")
            .remedy("convert it to little-endian: gguf_convert_endian.py FILE little"));
    }
    if !matches!(version, 2 | 3) {
        return Err(
            Error::unsupported(format!("GGUF version {version} is not supported"))
                .at("version")
                .remedy("convert the model to GGUF version 3"),
        );
    }
    Ok(())
}

fn alignment(metadata: &Metadata) -> Result<usize> {
    let key = "general.alignment";
    let alignment = metadata.size(key)?.unwrap_or(32);
    if !alignment.is_power_of_two() || alignment > 1 << 20 {
        return Err(damaged(
            key,
            format!("{alignment} is no power of two up to 1 MiB"),
        ));
    }
    Ok(alignment)
}

fn entry<'a>(reader: &mut Reader<'a>, alignment: usize) -> Result<Entry<'a>> {
    let name = reader.string()?;
    let dimensions = reader.u32()?;
    if !(1..=4).contains(&dimensions) {
        return Err(of_tensor(
            name,
            format!("{dimensions} dimensions; 1 to 4 are possible"),
        ));
    }
    let mut shape = [1usize; 4];
    for size in &mut shape[..dimensions as usize] {
        let value = reader.u64()?;
        *size = usize::try_from(value)
            .map_err(|_| of_tensor(name, format!("a dimension of {value} is too large")))?;
    }
    let [cols, rows, 1, 1] = shape else {
        return Err(
            Error::unsupported(format!("the shape {shape:?} is no matrix"))
                .at(Place::tensor(name))
                .remedy(
                    "mixtures of experts and convolutions are not supported; use a dense model",
                ),
        );
    };
    let dtype = dtype(name, reader.u32()?)?;
    let offset = reader.u64()?;
    let offset = usize::try_from(offset)
        .ok()
        .filter(|offset| offset % alignment == 0)
        .ok_or_else(|| {
            of_tensor(
                name,
                format!("offset {offset} is no multiple of the alignment {alignment}"),
            )
        })?;
    Ok(Entry {
        name,
        rows,
        cols,
        dtype,
        offset,
    })
}

/// The types that are read, by ggml's numbers (`ggml_type` in ggml.h).
pub(crate) const TYPES: [(u32, DType); 20] = [
    (0, DType::F32),
    (1, DType::F16),
    (30, DType::BF16),
    (2, DType::Q4_0),
    (3, DType::Q4_1),
    (6, DType::Q5_0),
    (7, DType::Q5_1),
    (8, DType::Q8_0),
    (10, DType::Q2_K),
    (11, DType::Q3_K),
    (12, DType::Q4_K),
    (13, DType::Q5_K),
    (14, DType::Q6_K),
    (20, DType::IQ4_NL),
    (23, DType::IQ4_XS),
    (39, DType::MXFP4),
    (34, DType::TQ1_0),
    (35, DType::TQ2_0),
    (41, DType::Q1_0),
    (42, DType::Q2_0),
];

/// The names of the others.
const OTHERS: [(u32, &str); 23] = [
    (4, "Q4_2"),
    (5, "Q4_3"),
    (9, "Q8_1"),
    (15, "Q8_K"),
    (16, "IQ2_XXS"),
    (17, "IQ2_XS"),
    (18, "IQ3_XXS"),
    (19, "IQ1_S"),
    (21, "IQ3_S"),
    (22, "IQ2_S"),
    (24, "I8"),
    (25, "I16"),
    (26, "I32"),
    (27, "I64"),
    (28, "F64"),
    (29, "IQ1_M"),
    (31, "Q4_0_4_4"),
    (32, "Q4_0_4_8"),
    (33, "Q4_0_8_8"),
    (36, "IQ4_NL_4_4"),
    (37, "IQ4_NL_4_8"),
    (38, "IQ4_NL_8_8"),
    (40, "NVFP4"),
];

fn dtype(name: &str, id: u32) -> Result<DType> {
    fn of<T: Copy>(types: &[(u32, T)], id: u32) -> Option<T> {
        let found = types.iter().find(|(known, _)| *known == id);
        found.map(|&(_, known)| known)
    }
    if let Some(dtype) = of(&TYPES, id) {
        return Ok(dtype);
    }
    let (problem, remedy) = match of(&OTHERS, id) {
        Some(other) => (
            format!("the element type {other} is not supported"),
            "take a Q4_K_M of the same model",
        ),
        None => (
            format!("the element type {id} is unknown"),
            "take a file of the same model that llama.cpp itself wrote, such as a Q4_K_M",
        ),
    };
    Err(Error::unsupported(problem)
        .at(Place::tensor(name))
        .remedy(remedy))
}

/// The tensor of an entry; data begins at `start`.
fn place(entry: &Entry<'_>, view: &View, start: usize) -> Result<Tensor> {
    let length = entry
        .dtype
        .bytes(entry.rows, entry.cols)
        .map_err(|error| error.at(Place::tensor(entry.name)))?;
    let data = start
        .checked_add(entry.offset)
        .and_then(|from| Some(from..from.checked_add(length)?))
        .and_then(|range| view.slice(range))
        .ok_or_else(|| {
            Error::new(format!(
                "{length} bytes at offset {} of the data reach beyond the file's end",
                entry.offset
            ))
            .at(Place::tensor(entry.name))
            .remedy("the file is truncated; fetch it again")
        })?;
    Tensor::new(entry.name, entry.rows, entry.cols, entry.dtype, data)
}

fn check_overlaps(entries: &[Entry<'_>]) -> Result<()> {
    let mut sorted: Vec<&Entry<'_>> = entries.iter().collect();
    sorted.sort_by_key(|entry| entry.offset);
    for pair in sorted.windows(2) {
        let end = pair[0].offset + pair[0].dtype.bytes(pair[0].rows, pair[0].cols)?;
        if end > pair[1].offset {
            return Err(of_tensor(
                pair[1].name,
                format!("the data overlaps that of {}", pair[0].name),
            ));
        }
    }
    Ok(())
}

fn of_tensor(name: &str, problem: String) -> Error {
    damaged(Place::tensor(name), problem)
}

fn damaged(place: impl Into<Place>, problem: String) -> Error {
    Error::new(problem)
        .at(place)
        .remedy("the file is damaged; fetch or convert it again")
}
