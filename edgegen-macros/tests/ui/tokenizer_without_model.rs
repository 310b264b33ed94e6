edgegen_macros::edge_model! {
    pub mod assistant { platform: "host", tokenizer: "tokenizer.bin" }
}

fn main() {}
