edgegen_macros::edge_model! {
    pub mod assistant { platform: "host", tensors: { embeding: "t4" } }
}

fn main() {}
