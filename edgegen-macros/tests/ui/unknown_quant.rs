edgegen_macros::edge_model! {
    pub mod assistant { model: "tiny.bin", platform: "host", quant: "q3" }
}

fn main() {}
