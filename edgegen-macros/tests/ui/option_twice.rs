edgegen_macros::edge_model! {
    pub mod assistant { model: "tiny.bin", platform: "host", platform: "esp32" }
}

fn main() {}
