//! A tokenizer with some of its tokens.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::model::{AddedToken, Merge, Scheme, SentencePiece, Tokenizer, TokenizerParts};

/// The tokenizer with the tokens `kept` (ids, ascending), which become 0, 1, and so on. Merges
/// that need another token are gone; the others keep their ranks.
///
/// # Errors
///
/// When a special token is not kept.
pub(super) fn subset(tokenizer: &Tokenizer, kept: &[u32]) -> Result<Tokenizer> {
    let tokens = tokenizer.tokens().len();
    let mut new_ids = vec![None; tokens];
    for (&id, new) in kept.iter().zip(0..) {
        new_ids[id as usize] = Some(new);
    }
    let is_extra = |id: u32| id as usize >= tokens;
    let stays = |id: u32| is_extra(id) || new_ids[id as usize].is_some();
    let merges: Vec<Merge> = tokenizer
        .merges()
        .iter()
        .filter(|merge| {
            [merge.left, merge.right, merge.merged]
                .into_iter()
                .all(stays)
        })
        .copied()
        .collect();
    // Characters without a token stay where a merge needs them.
    let extra: BTreeSet<u32> = merges
        .iter()
        .flat_map(|merge| [merge.left, merge.right])
        .filter(|&id| is_extra(id))
        .collect();
    let extra: Vec<u32> = extra.into_iter().collect();
    let new_id = |id: u32| match new_ids.get(id as usize) {
        Some(new) => *new,
        None => Some((kept.len() + extra.binary_search(&id).ok()?) as u32),
    };
    let stay = |id: u32| new_id(id).expect("what is left of merges was looked at above");

    Tokenizer::new(TokenizerParts {
        scheme: match tokenizer.scheme() {
            Scheme::ByteLevel(scheme) => Scheme::ByteLevel(scheme.clone()),
            Scheme::SentencePiece(scheme) => Scheme::SentencePiece(SentencePiece {
                alphabet: (scheme.alphabet.iter())
                    .filter_map(|&(c, id)| Some((c, new_id(id)?)))
                    .collect(),
                ..scheme.clone()
            }),
        },
        tokens: (kept.iter())
            .map(|&id| tokenizer.tokens()[id as usize].clone())
            .collect(),
        merges: (merges.iter())
            .map(|merge| Merge {
                left: stay(merge.left),
                right: stay(merge.right),
                merged: stay(merge.merged),
                rank: merge.rank,
            })
            .collect(),
        added: (tokenizer.added().iter())
            .filter_map(|added| {
                let id = new_id(added.id)?;
                Some(AddedToken {
                    id,
                    ..added.clone()
                })
            })
            .collect(),
        bos: tokenizer.bos().and_then(new_id),
        eos: tokenizer.eos().and_then(new_id),
        add_bos: tokenizer.add_bos(),
        add_eos: tokenizer.add_eos(),
        stop: (tokenizer.stop().iter())
            .filter_map(|&id| new_id(id))
            .collect(),
    })
}
