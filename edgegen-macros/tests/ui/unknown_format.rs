edgegen_macros::edge_model! {
    pub mod assistant { platform: "host", tensors: { embedding: "q3" } }
}

fn main() {}
