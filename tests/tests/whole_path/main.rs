//! Emit, build and run, on each target. One program, so that what waits for one emulator leaves a core to the
//! others; what is timed or measured has programs of its own.

mod apps;
mod bits;
mod command_line;
mod compressed;
mod crate_quality;
mod cross;
mod documents;
mod esp32c3;
mod external;
mod ffi;
mod homectl;
mod instructions;
mod logits;
mod quality;
mod real_models;
mod riscv32;
mod schema;
mod self_test;
mod system;
mod tokenizer;
mod verify;

fn main() {
    let files = [
        apps::trials(),
        bits::trials(),
        command_line::trials(),
        compressed::trials(),
        crate_quality::trials(),
        cross::trials(),
        documents::trials(),
        esp32c3::trials(),
        external::trials(),
        ffi::trials(),
        homectl::trials(),
        instructions::trials(),
        logits::trials(),
        quality::trials(),
        real_models::trials(),
        riscv32::trials(),
        schema::trials(),
        self_test::trials(),
        system::trials(),
        tokenizer::trials(),
        verify::trials(),
    ];
    tests::trial::run(files.into_iter().flatten().collect());
}
