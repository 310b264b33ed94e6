edgegen_macros::edge_model! {
    pub mod assistant { quant: "q8" }
}

fn main() {}
