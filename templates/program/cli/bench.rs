//! `bench`: prefill and decoding, timed.

use std::time::Instant;

use super::args::Args;
use super::json::Object;
use super::model::{CONTEXT, MEMORY_USED_MB, VOCAB_SIZE, golden_token};
use super::{Failure, print, session};

pub fn run(mut args: Args) -> Result<(), Failure> {
    let json = args.flag("--json");
    let half = CONTEXT / 2;
    let prompt_tokens = args.number("--prompt-tokens")?.unwrap_or(half.min(64));
    let tokens = args.number("--tokens")?.unwrap_or(half.min(64));
    let iterations = args.number("--iterations")?.unwrap_or(5);
    let mut session = session(&mut args)?;
    args.end()?;
    if prompt_tokens == 0 || tokens == 0 || iterations == 0 {
        return Err(Failure::Usage("there is nothing to time".into()));
    }
    if prompt_tokens > CONTEXT || tokens > CONTEXT - prompt_tokens {
        return Err(Failure::Usage(format!(
            "prompt and tokens together are at most {CONTEXT}, the context"
        )));
    }

    let prompt: Vec<u32> = (0..prompt_tokens)
        .map(|index| golden_token(index, VOCAB_SIZE))
        .collect();
    let (mut prefill, mut decode, mut latency) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..iterations {
        session.reset();
        let start = Instant::now();
        session.feed(&prompt)?;
        let prefilled = start.elapsed().as_secs_f64();
        for index in 0..tokens {
            session.feed(&[golden_token(index, VOCAB_SIZE)])?;
        }
        let all = start.elapsed().as_secs_f64();
        prefill.push(prompt_tokens as f64 / prefilled);
        decode.push(tokens as f64 / (all - prefilled));
        latency.push(all * 1e3);
    }
    let avg_tps = mean(&decode);
    let avg_latency = mean(&latency);
    for list in [&mut prefill, &mut decode, &mut latency] {
        list.sort_by(f64::total_cmp);
    }
    if json {
        return print(
            &Object::new()
                .plain("prefill_tokens_per_second", quantile(&prefill, 0.5))
                .plain("decode_tokens_per_second", quantile(&decode, 0.5))
                .plain("avg_latency_ms", avg_latency)
                .plain("p50_latency_ms", quantile(&latency, 0.5))
                .plain("p95_latency_ms", quantile(&latency, 0.95))
                .plain("avg_tps", avg_tps)
                .plain("memory_used_mb", MEMORY_USED_MB)
                .end(),
        );
    }
    print(&format!(
        "prefill  {:>10.1} tokens/s (median, {prompt_tokens} tokens)",
        quantile(&prefill, 0.5)
    ))?;
    print(&format!(
        "decode   {:>10.1} tokens/s (median, {tokens} tokens)",
        quantile(&decode, 0.5)
    ))?;
    print(&format!(
        "latency  {:>10.1} ms (median), {:.1} ms (95 %)",
        quantile(&latency, 0.5),
        quantile(&latency, 0.95)
    ))?;
    print(&format!("memory   {MEMORY_USED_MB:>10.1} MB"))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The value below which a share of the ascending values lies.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}
