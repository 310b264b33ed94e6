edgegen_macros::edge_model! {
    pub mod assistant { platform: "host", context: 99_999 }
}

fn main() {}
