edgegen_macros::edge_model! {
    pub mod assistant { model: "tiny.bin", platform: "host", temperature: 1 }
}

fn main() {}
