//! Compiles the model. Cargo knows what was read, and does it again when that changes.

fn main() {
    edgegen::build::Emit::built_in()
        .platform("esp32")
        .quant("q4")
        .name("homectl")
        .generate();
}
