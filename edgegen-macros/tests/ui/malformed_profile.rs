edgegen_macros::edge_model! {
    pub mod assistant { platform: "Cargo.toml" }
}

fn main() {}
