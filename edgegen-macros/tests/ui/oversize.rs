edgegen_macros::edge_model! {
    pub mod assistant { platform: "esp32", quant: "f32" }
}

fn main() {}
