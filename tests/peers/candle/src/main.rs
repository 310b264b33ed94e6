//! `candle-peer MODEL PROMPT_TOKENS TOKENS ITERATIONS`: tokens a second of prefill and decoding,
//! as JSON; threads by `RAYON_NUM_THREADS`.

use std::error::Error;
use std::fs::File;
use std::time::Instant;

use candle_core::quantized::gguf_file::Content;
use candle_core::{Device, Tensor};
use candle_transformers::models::quantized_llama::ModelWeights;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let mut next = || args.next().ok_or("MODEL PROMPT_TOKENS TOKENS ITERATIONS");
    let path = next()?;
    let (prompt, tokens): (u32, u32) = (next()?.parse()?, next()?.parse()?);
    let iterations: usize = next()?.parse()?;

    let mut file = File::open(path)?;
    let content = Content::read(&mut file)?;
    let mut model = ModelWeights::from_gguf(content, &mut file, &Device::Cpu)?;
    let (mut prefill, mut decode) = (Vec::new(), Vec::new());
    for _ in 0..iterations {
        let start = Instant::now();
        let ids: Vec<u32> = (0..prompt).map(|index| index * 7 % 1000).collect();
        forward(&mut model, &ids, 0)?;
        let prefilled = start.elapsed().as_secs_f64();
        for index in 0..tokens {
            forward(&mut model, &[index * 7 % 1000], (prompt + index) as usize)?;
        }
        let all = start.elapsed().as_secs_f64();
        prefill.push(f64::from(prompt) / prefilled);
        decode.push(f64::from(tokens) / (all - prefilled));
    }
    println!(
        "{{\"prefill_tokens_per_second\":{},\"decode_tokens_per_second\":{}}}",
        median(prefill),
        median(decode)
    );
    Ok(())
}

/// The first position starts a new text: it resets the model's KV cache.
fn forward(model: &mut ModelWeights, ids: &[u32], position: usize) -> candle_core::Result<Tensor> {
    let input = Tensor::new(ids, &Device::Cpu)?.unsqueeze(0)?;
    model.forward(&input, position)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
