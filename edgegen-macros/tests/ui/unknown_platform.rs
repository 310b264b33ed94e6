edgegen_macros::edge_model! {
    pub mod assistant { model: "tiny.bin", platform: "toaster" }
}

fn main() {}
