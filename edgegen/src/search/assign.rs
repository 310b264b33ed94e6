//! The formats with the least loss in so many bytes.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::model::TensorKey;
use crate::program::WeightFormat;

/// A matrix that may have several formats.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    pub(super) key: TensorKey,
    /// From the smallest on: each is larger than the one before and loses less.
    pub(super) options: Vec<Choice>,
}

/// A format of a matrix.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Choice {
    pub(super) format: WeightFormat,
    pub(super) bytes: usize,
    pub(super) loss: f64,
}

/// What was chosen.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Assignment {
    pub(super) formats: BTreeMap<TensorKey, WeightFormat>,
    pub(super) loss: f64,
}

/// Every matrix begins with its smallest format; then the widening that saves most loss for each
/// byte is done, again and again, as long as one fits. Where a matrix gains less for each further
/// byte, no other choice of that size is better. `None` if the smallest formats are too large.
pub(super) fn assign(items: &[Item], budget: usize) -> Option<Assignment> {
    let mut chosen = vec![0; items.len()];
    let smallest: usize = items.iter().map(|item| item.options[0].bytes).sum();
    let mut left = budget.checked_sub(smallest)?;
    loop {
        let widenings = items
            .iter()
            .zip(&chosen)
            .enumerate()
            .filter_map(|(i, (item, &at))| {
                let [now, next] = item.options.get(at..at + 2)? else {
                    return None;
                };
                let bytes = next.bytes - now.bytes;
                (bytes <= left).then(|| (i, bytes, (now.loss - next.loss) / bytes as f64))
            });
        // Of equals the first, whatever the machine.
        let best = widenings.reduce(|a, b| match a.2.total_cmp(&b.2) {
            Ordering::Less => b,
            _ => a,
        });
        let Some((index, bytes, _)) = best else { break };
        chosen[index] += 1;
        left -= bytes;
    }
    let choices = items
        .iter()
        .zip(&chosen)
        .map(|(item, &at)| (item.key, item.options[at]));
    Some(Assignment {
        formats: choices
            .clone()
            .map(|(key, choice)| (key, choice.format))
            .collect(),
        loss: choices.map(|(_, choice)| choice.loss).sum(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Role;
    use proptest::prelude::*;

    const FORMATS: [WeightFormat; 3] = [WeightFormat::T2, WeightFormat::T4, WeightFormat::Q8];

    /// Loss falls to a third from format to format, as of convex hulls.
    fn item(index: usize, size: usize, weight: f64) -> Item {
        let options = FORMATS.iter().zip([(2, 9.0), (4, 3.0), (8, 1.0)]);
        Item {
            key: TensorKey::layer(index, Role::Down),
            options: options
                .map(|(&format, (bits, loss))| Choice {
                    format,
                    bytes: bits * size,
                    loss: weight * loss,
                })
                .collect(),
        }
    }

    /// The least loss by trying all.
    fn least(items: &[Item], budget: usize) -> Option<f64> {
        let Some((first, rest)) = items.split_first() else {
            return Some(0.0);
        };
        first
            .options
            .iter()
            .filter_map(|choice| {
                let left = budget.checked_sub(choice.bytes)?;
                Some(choice.loss + least(rest, left)?)
            })
            .min_by(f64::total_cmp)
    }

    proptest! {
        /// Within the budget, and as good as the best with a budget that is smaller by one widening.
        #[test]
        fn the_choice_fits_and_is_good(
            given in prop::collection::vec((1usize..9, 0.0f64..9.0), 1..6),
            budget in 0usize..300,
        ) {
            let items: Vec<Item> = given
                .iter()
                .enumerate()
                .map(|(i, &(size, weight))| item(i, size, weight))
                .collect();
            let found = assign(&items, budget);
            prop_assert_eq!(found.is_some(), least(&items, budget).is_some());
            let Some(found) = found else { return Ok(()) };
            let choice = |item: &Item| {
                let format = found.formats[&item.key];
                *item.options.iter().find(|choice| choice.format == format).unwrap()
            };
            let bytes: usize = items.iter().map(|item| choice(item).bytes).sum();
            prop_assert!(bytes <= budget);
            let widest = items.iter().map(|item| item.options[2].bytes - item.options[1].bytes);
            if let Some(less) = least(&items, budget.saturating_sub(widest.max().unwrap_or(0))) {
                prop_assert!(found.loss <= less + 1e-9);
            }
        }
    }
}
