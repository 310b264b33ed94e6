edgegen_macros::edge_model! {
    pub mod assistant { platform: "host", vocab_size: 9 }
}

fn main() {}
