//! What `make fuzz` begins with, and what it has found, without a fuzzer.

use std::fs;
use std::path::Path;

#[path = "../../../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "there it is a crate of its own")]
mod fuzz;

#[test]
fn every_parser_takes_and_survives_its_seeds() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds");
    for (target, parse) in fuzz::TARGETS {
        let mut taken = 0;
        for seed in fs::read_dir(seeds.join(target)).unwrap() {
            let path = seed.unwrap().path();
            println!("{}", path.display());
            taken += u32::from(parse(&fs::read(&path).unwrap()));
        }
        assert!(taken > 0, "{target} takes none of its seeds: it tests nothing");
    }
    let folders = fs::read_dir(&seeds).unwrap().count();
    assert_eq!(folders, fuzz::TARGETS.len(), "a folder of seeds has no target");
}
