//! The basic policy: which steps a model takes on its way to a device.

use crate::profile::NumberType;

use super::Action;
use super::steps::GRAPH;

/// Share of the feed-forward neurons that pruning leaves out.
const SPARSITY: f64 = 0.3;
/// A model that must become smaller than by this needs 4 bits.
const REDUCTION_BY_INT8: f64 = 4.0;

/// The steps and the reason of each, for a model of `fp32_bytes` (4 for each weight) on a device
/// with a limit of the model's size (`None` is no limit) and these number types.
///
/// A model that exceeds the limit is quantized: to 4 bits where that is supported and a model of
/// 8 bits would still be too large, else to 8 bits where that is supported; and pruned. What
/// stays float becomes f16 where that is supported. Last comes the graph.
pub fn basic(
    fp32_bytes: u64,
    limit: Option<u64>,
    number_types: &[NumberType],
) -> Vec<(Action, String)> {
    let supported = |number_type| number_types.contains(&number_type);
    let mut steps = Vec::new();
    if let Some(limit) = limit.filter(|&limit| fp32_bytes > limit) {
        let reduction = fp32_bytes as f64 / limit as f64;
        let needed = format!("in fp32 the model has {reduction:.1} times the platform's limit");
        if reduction > REDUCTION_BY_INT8 && supported(NumberType::Int4) {
            steps.push((
                Action::QuantizeInt4,
                format!("{needed}, more than the {REDUCTION_BY_INT8} of int8"),
            ));
        } else if supported(NumberType::Int8) {
            steps.push((Action::QuantizeInt8, needed));
        }
        steps.push((
            Action::Prune { sparsity: SPARSITY },
            "the model exceeds the limit; the feed-forward neurons that matter least are left out"
                .into(),
        ));
    }
    if supported(NumberType::F16) {
        let reason = "the platform supports fp16 for matrices that stay float";
        steps.push((Action::ConvertF16, reason.into()));
    }
    steps.push((Action::OptimizeGraph, GRAPH.into()));
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Profile;

    /// The names of the steps.
    fn decided(parameters: u64, platform: &str) -> Vec<&'static str> {
        let profile = Profile::load(platform).unwrap();
        let steps = basic(4 * parameters, profile.model_size(), profile.number_types());
        steps.iter().map(|(action, _)| action.name()).collect()
    }

    #[test]
    fn every_platform_at_several_sizes() {
        let (int4, int8, prune) = ("quantize_int4", "quantize_int8", "prune");
        let (f16, graph) = ("convert_f16", "optimize_graph");
        // 0.26, 1.24, 15, 30, 135 and 360 million parameters: 1 MB to 1.4 GB in fp32.
        let sizes = [
            260_000,
            1_240_000,
            15_000_000,
            30_000_000,
            135_000_000,
            360_000_000,
        ];
        let small = vec![graph];
        let small_f16 = vec![f16, graph];
        let at8 = vec![int8, prune, graph];
        let at8_f16 = vec![int8, prune, f16, graph];
        let at4 = vec![int4, prune, graph];
        let at4_f16 = vec![int4, prune, f16, graph];
        for (platform, expected) in [
            (
                "android",
                [
                    &small_f16, &small_f16, &small_f16, &small_f16, &at8_f16, &at4_f16,
                ],
            ),
            (
                "ios",
                [
                    &small_f16, &small_f16, &small_f16, &small_f16, &at8_f16, &at4_f16,
                ],
            ),
            ("raspberry_pi", [&small, &small, &at8, &at8, &at4, &at4]),
            ("raspberry_pi_32", [&small, &small, &at8, &at8, &at4, &at4]),
            ("esp32", [&small, &at8, &at4, &at4, &at4, &at4]),
            ("browser", [&small, &small, &at8, &at8, &at4, &at4]),
            ("host", [&small_f16; 6]),
        ] {
            for (parameters, expected) in sizes.into_iter().zip(expected) {
                assert_eq!(
                    &decided(parameters, platform),
                    expected,
                    "{platform}, {parameters}"
                );
            }
        }
    }

    #[test]
    fn four_times_is_what_int8_can_do() {
        let both = [NumberType::Int4, NumberType::Int8];
        let first = |bytes, types: &[NumberType]| basic(bytes, Some(100), types)[0].0;
        assert_eq!(first(100, &both), Action::OptimizeGraph);
        assert_eq!(first(101, &both), Action::QuantizeInt8);
        assert_eq!(first(400, &both), Action::QuantizeInt8);
        assert_eq!(first(401, &both), Action::QuantizeInt4);
        assert_eq!(first(401, &[NumberType::Int8]), Action::QuantizeInt8);
        // Without the integers there is pruning alone.
        let prune = Action::Prune { sparsity: 0.3 };
        assert_eq!(first(401, &[NumberType::F32]), prune);
        assert_eq!(first(101, &[NumberType::Int4]), prune);
    }
}
