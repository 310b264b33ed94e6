edgegen_macros::edge_model! {
    pub mod assistant { model: "tiny.bin", platform: "raspberry_pi", cpu: "pentium" }
}

fn main() {}
