//! Compiles the example's tiny model, whose sessions the target `state` restores.

fn main() {
    edgegen::build::Emit::new("../examples/macro-assistant/models/tiny.bin")
        .platform("host")
        .quant("q8")
        .context(16)
        .answer_cache(64)
        .name("tiny")
        .generate();
}
