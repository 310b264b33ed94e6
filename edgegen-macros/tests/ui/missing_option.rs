edgegen_macros::edge_model! {
    pub mod assistant { platform: "host" }
}

fn main() {}
