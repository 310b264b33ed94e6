//! A GGUF model in three files, as llama.cpp's gguf-split names and numbers them.

use super::Tiny;
use super::gguf::Gguf;

/// Its files, of which the first has the metadata.
#[derive(Debug, Clone)]
pub struct Split(pub Vec<Gguf>);

impl Split {
    pub fn new(tiny: &Tiny) -> Self {
        let mut first = Gguf::new(tiny);
        let tensors = std::mem::take(&mut first.tensors);
        let mut shards = vec![first];
        shards.resize_with(3, || {
            let mut shard = Gguf::new(tiny);
            shard.keys.clear();
            shard.tensors.clear();
            shard
        });
        let count = tensors.len() as i32;
        for (at, tensor) in tensors.into_iter().enumerate() {
            shards[at % 3].tensors.push(tensor);
        }
        for (shard, number) in shards.iter_mut().zip(0u16..) {
            shard.set("split.no", 2, number.to_le_bytes().into());
            shard.set("split.count", 2, 3u16.to_le_bytes().into());
            shard.set("split.tensors.count", 5, count.to_le_bytes().into());
        }
        Self(shards)
    }

    /// Names and contents.
    pub fn files(&self) -> impl Iterator<Item = (String, Vec<u8>)> {
        let shards = self.0.iter().zip(1..);
        shards.map(|(shard, number)| (format!("m-{number:05}-of-00003.gguf"), shard.bytes()))
    }
}
