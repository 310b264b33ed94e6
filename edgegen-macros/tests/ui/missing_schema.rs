edgegen_macros::edge_model! {
    pub mod assistant { schema: "no/such.json", platform: "host" }
}

fn main() {}
