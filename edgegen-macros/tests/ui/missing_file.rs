edgegen_macros::edge_model! {
    pub mod assistant { model: "no/such.gguf", platform: "host" }
}

fn main() {}
