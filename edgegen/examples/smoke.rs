use edgegen::*;
use std::time::Instant;
struct Top(Vec<(f32, usize)>);
impl interpret::Observer for Top {
    fn logits(&mut self, l: &[f32]) {
        let mut v: Vec<_> = l.iter().copied().zip(0..).collect();
        v.sort_by(|a, b| b.0.total_cmp(&a.0));
        v.truncate(10);
        self.0 = v;
    }
}
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let t = Instant::now();
    let m = import::import(a[1].as_ref()).unwrap();
    eprintln!("import {:?}", t.elapsed());
    let p = profile::Profile::load("host").unwrap();
    let t = Instant::now();
    let pl = plan::plan(
        &m,
        &p,
        &plan::Request {
            quant: a[2].parse().unwrap(),
            context: None,
            allow_oversize: false,
        },
    )
    .unwrap();
    eprintln!("plan {:?} {:?}", t.elapsed(), pl.footprint());
    for c in pl.conversions() {
        eprintln!("{c}");
    }
    let t = Instant::now();
    let prog = compress::compress(&m, &pl, &|_, _| {}).unwrap();
    eprintln!("compress {:?}", t.elapsed());
    let t = Instant::now();
    let g = interpret::golden(&prog, 2).unwrap();
    eprintln!("golden {:?} {:016x}", t.elapsed(), g.logits);
    let t = Instant::now();
    let g1 = interpret::golden(&prog, 1).unwrap();
    eprintln!("golden1 {:?} {}", t.elapsed(), g == g1);
    let ids: Vec<u32> = a[3].split(',').map(|x| x.parse().unwrap()).collect();
    let mut top = Top(vec![]);
    interpret::Interpreter::new(&prog, 2).feed(&ids, &mut top);
    println!("{:?}", top.0);
}
