edgegen_macros::edge_model! {
    pub struct Assistant { model: "tiny.bin", platform: "host" }
}

fn main() {}
