//! Files: the same bytes however made, nothing left behind, nothing overwritten.

use std::{cell::RefCell, collections::BTreeMap, fs, ops::ControlFlow, path::Path};

use restain_synth::{Error, SlideSpec, write_slide};

const GO_ON: &dyn Fn(f64) -> ControlFlow<()> = &|_| ControlFlow::Continue(());

/// All files below a folder.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            found.extend(files(&path).into_iter().map(|(inner, bytes)| (format!("{name}/{inner}"), bytes)));
            found.insert(name + "/", Vec::new());
        } else {
            found.insert(name, fs::read(path).unwrap());
        }
    }
    found
}

#[test]
fn bytes_do_not_depend_on_the_threads() {
    let spec = SlideSpec { coverage: 0.7, ..SlideSpec::new(1900, 2100) };
    let made = |spec: &SlideSpec, threads: usize| {
        let folder = tempfile::tempdir().unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let out = folder.path().join("slide.mrxs");
        pool.install(|| write_slide(spec, &out, &|_| ControlFlow::Continue(()))).unwrap();
        files(folder.path())
    };
    let one = made(&spec, 1);
    assert!(one.contains_key("slide.mrxs") && one.contains_key("slide/Slidedat.ini"));
    assert_eq!(one, made(&spec, 2));
    assert_eq!(one, made(&spec, 8));
    let other = made(&SlideSpec { seed: 2, ..spec }, 2);
    assert_ne!(one["slide/Data0000.dat"], other["slide/Data0000.dat"]);
    assert_ne!(one["slide/Slidedat.ini"], other["slide/Slidedat.ini"]);
}

#[test]
fn what_exists_is_replaced_only_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("slide.mrxs");
    let spec = SlideSpec::new(100, 100);
    write_slide(&spec, &out, GO_ON).unwrap();
    let before = files(folder.path());
    let other = SlideSpec { seed: 7, ..spec.clone() };
    assert!(matches!(write_slide(&other, &out, GO_ON), Err(Error::Exists(_))));
    assert_eq!(before, files(folder.path()));
    write_slide(&SlideSpec { force: true, ..other }, &out, GO_ON).unwrap();
    assert_ne!(before, files(folder.path()));

    // A folder of somebody's things is not a slide's, and the folder alone exists too.
    let out = folder.path().join("photos.mrxs");
    fs::create_dir(folder.path().join("photos")).unwrap();
    fs::write(folder.path().join("photos/me.jpg"), "picture").unwrap();
    assert!(matches!(write_slide(&spec, &out, GO_ON), Err(Error::Exists(_))));
    let force = SlideSpec { force: true, ..spec };
    assert!(matches!(write_slide(&force, &out, GO_ON), Err(Error::NotASlide(_))));
    assert!(folder.path().join("photos/me.jpg").exists() && !out.exists());
}

#[test]
fn stopping_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let seen = RefCell::new(Vec::new());
    let stop_second = |done| {
        seen.borrow_mut().push(done);
        if seen.borrow().len() == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let spec = SlideSpec::new(4200, 3400);
    let result = write_slide(&spec, &folder.path().join("slide.mrxs"), &stop_second);
    assert!(matches!(result, Err(Error::Stopped)));
    let seen = seen.into_inner();
    assert!(seen[0] == 0.0 && seen[1] > 0.5 && seen[1] < 1.0, "{seen:?}");
    assert_eq!(files(folder.path()), BTreeMap::new());
    // Just before it would get its name.
    let stop_last = |done| if done < 1.0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
    let result = write_slide(&SlideSpec::new(600, 400), &folder.path().join("slide.mrxs"), &stop_last);
    assert!(matches!(result, Err(Error::Stopped)));
    assert_eq!(files(folder.path()), BTreeMap::new());
}

#[test]
fn nonsense_is_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let spec = SlideSpec::new(100, 100);
    let out = folder.path().join("slide.mrxs");
    let message = |spec: SlideSpec, out: &Path| write_slide(&spec, out, GO_ON).unwrap_err().to_string();
    assert!(message(SlideSpec::new(63, 100), &out).contains("63 x 100 px"));
    assert!(message(SlideSpec::new(100, 200_001), &out).contains("200001"));
    for coverage in [0.0, -1.0, 1.1, f64::NAN] {
        assert!(message(SlideSpec { coverage, ..spec.clone() }, &out).contains("coverage"));
    }
    for mpp in [0.0, -1.0, f64::INFINITY, f64::NAN, 0.01, 50.0] {
        assert!(message(SlideSpec { mpp, ..spec.clone() }, &out).contains("micrometres"));
    }
    assert!(message(spec.clone(), &folder.path().join("slide.tif")).contains(".mrxs"));
    assert!(message(spec, &folder.path().join("missing/slide.mrxs")).contains("missing"));
    assert!("sepia".parse::<restain_synth::Style>().unwrap_err().to_string().contains("old-scanner"));
    assert_eq!(files(folder.path()), BTreeMap::new());
}
