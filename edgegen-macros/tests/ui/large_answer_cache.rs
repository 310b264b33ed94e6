edgegen_macros::edge_model! {
    pub mod assistant { platform: "host", answer_cache: 99_999_999 }
}

fn main() {}
