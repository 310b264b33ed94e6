use edgegen::*;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let m = import::import(a[1].as_ref()).unwrap();
    let p = profile::Profile::load(&a[3]).unwrap();
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
    let prog = compress::compress(&m, &pl, &|_, _| {}).unwrap();
    let g = interpret::golden(&prog, 2).unwrap();
    let c = emit::emit(
        &prog,
        &g,
        &p,
        &emit::Options {
            name: a[5].clone(),
            allow_oversize: false,
        },
    );
    for (path, b) in c.files() {
        let f = std::path::Path::new(&a[4]).join(path);
        std::fs::create_dir_all(f.parent().unwrap()).unwrap();
        std::fs::write(f, b).unwrap();
    }
}
