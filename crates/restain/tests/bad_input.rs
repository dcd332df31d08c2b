//! Bad input: one clear line, an exit code, and no output.

#[path = "../../restain-pipeline/tests/common/checkpoint.rs"]
mod checkpoint;
mod common;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use common::{assert_fails, names, restain, run, synth, text};
use tempfile::TempDir;

/// One small slide for all tests.
static SLIDE: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let slide = folder.path().join("slide.mrxs");
    synth(&slide, "700x600", &["--coverage", "0.8"]);
    (folder, slide)
});

fn slide() -> &'static Path {
    &SLIDE.1
}

/// An empty folder for an output, which must stay empty.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn output(&self) -> PathBuf {
        self.folder.path().join("out.tif")
    }

    fn normalize(&self, slide: &Path, more: &[&str]) -> Output {
        restain().arg("normalize").arg(slide).arg("-o").arg(self.output()).args(more).output().unwrap()
    }

    /// Expects that normalizing `slide` fails, that the line holds every word, and that nothing is left.
    fn fails(&self, slide: &Path, more: &[&str], words: &[&str]) {
        assert_fails(&self.normalize(slide, more), words);
        assert_eq!(names(self.folder.path()), [""; 0]);
    }

    /// Expects that the arguments are refused.
    fn refuses(&self, more: &[&str], words: &[&str]) {
        let output = self.normalize(slide(), more);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.starts_with("error: "), "{said}");
        assert!(words.iter().all(|word| said.contains(word)), "{words:?} are not in: {said}");
        assert_eq!(names(self.folder.path()), [""; 0]);
    }
}

const IDENTITY: [&str; 2] = ["--model", "identity"];

#[test]
fn no_such_slide() {
    let (desk, inputs) = (Desk::new(), tempfile::tempdir().unwrap());
    let missing = inputs.path().join("missing.mrxs");
    desk.fails(&missing, &IDENTITY, &["missing.mrxs", "no such file"]);
    desk.fails(inputs.path(), &IDENTITY, &["is a directory"]);
    let empty = inputs.path().join("empty.svs");
    fs::write(&empty, "").unwrap();
    desk.fails(&empty, &IDENTITY, &["empty.svs", "is empty"]);
    let prose = inputs.path().join("prose.svs");
    fs::write(&prose, "Dear colleague, please find the slide attached.\n").unwrap();
    desk.fails(&prose, &IDENTITY, &["prose.svs", "not a slide"]);
}

#[test]
fn a_mirax_slide_without_its_folder() {
    let (desk, inputs) = (Desk::new(), tempfile::tempdir().unwrap());
    let lone = inputs.path().join("lone.mrxs");
    fs::copy(slide(), &lone).unwrap();
    desk.fails(&lone, &IDENTITY, &["lone.mrxs", "lone is missing"]);
    fs::create_dir(inputs.path().join("lone")).unwrap();
    desk.fails(&lone, &IDENTITY, &["lone.mrxs", "Slidedat.ini", "is missing"]);
}

#[test]
fn a_model_that_is_none() {
    let (desk, inputs) = (Desk::new(), tempfile::tempdir().unwrap());
    let path = |name: &str| inputs.path().join(name);
    let fails = |name: &str, words: &[&str]| {
        let model = path(name).into_os_string().into_string().unwrap();
        desk.fails(slide(), &["--device", "cpu", "--model", &model], &[&[name], words].concat());
    };
    fails("missing.safetensors", &[]);
    fs::write(path("garbage.safetensors"), [0xd5; 4096]).unwrap();
    fails("garbage.safetensors", &[]);
    fs::write(path("empty.safetensors"), "").unwrap();
    fails("empty.safetensors", &[]);
    fs::create_dir(path("folder.safetensors")).unwrap();
    fails("folder.safetensors", &[]);

    let whole = checkpoint::bytes(2, 1);
    fs::write(path("whole.safetensors"), &whole).unwrap();
    let model = path("whole.safetensors").into_os_string().into_string().unwrap();
    let output = desk.normalize(slide(), &["--device", "cpu", "--model", &model]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    fs::remove_file(desk.output()).unwrap();

    fs::write(path("truncated.safetensors"), &whole[..whole.len() / 2]).unwrap();
    fails("truncated.safetensors", &[]);
}

#[test]
fn a_model_of_another_architecture() {
    let (desk, inputs) = (Desk::new(), tempfile::tempdir().unwrap());
    let path = inputs.path().join("other.safetensors");
    let model = path.to_str().unwrap();
    fs::write(&path, checkpoint::bytes_of("pix2pix-resnet-9", 2, 1, &[])).unwrap();
    desk.fails(slide(), &["--device", "cpu", "--model", model], &["other.safetensors", "pix2pix-resnet-9"]);
}

#[test]
fn a_bad_run_configuration() {
    let (desk, inputs) = (Desk::new(), tempfile::tempdir().unwrap());
    let path = inputs.path().join("run.yaml");
    let config = path.to_str().unwrap();
    for (yaml, words) in [
        ("model: identity\nquality: [90\n", ["run.yaml", "line"]),
        ("model: identity\n\nquality: ninety\n", ["run.yaml", "line 3"]),
        ("model: identity\nquallity: 90\n", ["quallity", "line 2"]),
        ("- model\n- identity\n", ["run.yaml", "sequence"]),
    ] {
        fs::write(&path, yaml).unwrap();
        desk.fails(slide(), &["--config", config], &words);
    }
    fs::remove_file(&path).unwrap();
    desk.fails(slide(), &["--config", config], &["run.yaml", "cannot read"]);
}

#[test]
fn an_output_that_cannot_be() {
    let inputs = tempfile::tempdir().unwrap();
    let file = inputs.path().join("file");
    fs::write(&file, "no folder").unwrap();
    for folder in [&inputs.path().join("no/such/folder"), &file, Path::new("/proc")] {
        let output = folder.join("out.tif");
        let normalize = ["normalize", slide().to_str().unwrap(), "-o", output.to_str().unwrap()];
        assert_fails(&run([&normalize[..], &IDENTITY].concat()), &[output.to_str().unwrap()]);
    }
    let output = inputs.path().to_str().unwrap();
    assert_fails(
        &run([&["normalize", slide().to_str().unwrap(), "-o", output], &IDENTITY[..]].concat()),
        &["folder"],
    );
    assert_eq!(names(inputs.path()), ["file"]);
}

#[test]
fn an_output_that_is_no_tiff() {
    let desk = Desk::new();
    for name in ["out.png", "out", "-"] {
        let output = desk.folder.path().join(name);
        let failed =
            restain().args(["normalize", "--model", "identity"]).arg(slide()).arg("-o").arg(output).output();
        assert_fails(&failed.unwrap(), &["end in .tif"]);
    }
    // A device stays what it is, even where it is called a TIFF.
    let link = desk.folder.path().join("null.tif");
    std::os::unix::fs::symlink("/dev/null", &link).unwrap();
    let failed = restain()
        .args(["normalize", "--model", "identity", "--force"])
        .arg(slide())
        .arg("-o")
        .arg(&link)
        .output();
    assert_fails(&failed.unwrap(), &["null.tif", "no file"]);
    assert_eq!(names(desk.folder.path()), ["null.tif"]);
}

#[test]
fn an_output_that_is_there_already() {
    let desk = Desk::new();
    fs::write(desk.output(), "precious").unwrap();
    assert_fails(&desk.normalize(slide(), &IDENTITY), &["out.tif", "exists already", "--force"]);
    assert_eq!(fs::read(desk.output()).unwrap(), b"precious");
    // What fails after it was allowed to replace a file has not replaced it.
    assert_fails(
        &desk.normalize(slide(), &["--model", "identity", "--force", "--level", "77"]),
        &["level 77"],
    );
    assert_eq!(fs::read(desk.output()).unwrap(), b"precious");
    assert_eq!(names(desk.folder.path()), ["out.tif"]);
}

#[test]
fn an_output_that_is_the_input() {
    let desk = Desk::new();
    assert!(desk.normalize(slide(), &IDENTITY).status.success());
    let before = fs::read(desk.output()).unwrap();
    assert_fails(
        &desk.normalize(&desk.output(), &["--model", "identity", "--force"]),
        &["would replace the input"],
    );
    let link = desk.folder.path().join("link.tif");
    std::os::unix::fs::symlink(desk.output(), &link).unwrap();
    assert_fails(&desk.normalize(&link, &["--model", "identity", "--force"]), &["would replace the input"]);
    assert!(fs::read(desk.output()).unwrap() == before, "the input was changed");

    let mirax = Desk::new();
    let slide = mirax.folder.path().join("slide.mrxs");
    synth(&slide, "600x400", &[]);
    let companion = slide.with_extension("");
    let (before, data) = (names(&companion), fs::read(companion.join("Data0000.dat")).unwrap());
    let inside = companion.join("new.tif");
    let words = ["normalize", "--model", "identity", "--force", "-o"].map(OsStr::new);
    let output = run(words.into_iter().chain([inside.as_os_str(), slide.as_os_str()]));
    assert_fails(&output, &["new.tif", "among its files"]);
    assert_eq!(names(&companion), before);
    assert!(fs::read(companion.join("Data0000.dat")).unwrap() == data, "the input was changed");
    assert_eq!(names(desk.folder.path()), ["link.tif", "out.tif"]);
}

/// On a file system of one mebibyte, and where none can be mounted, with a limit on the size of a file.
#[test]
fn a_full_disk() {
    let desk = Desk::new();
    let folder = desk.folder.path().to_str().unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=128k", "tmpfs", folder]).output();
    let mounted = mounted.is_ok_and(|mount| mount.status.success());
    let lossless = ["--model", "identity", "--compression", "deflate"];
    let (failed, left) = if mounted {
        let failed = desk.normalize(slide(), &lossless);
        let left = names(desk.folder.path());
        assert!(Command::new("umount").arg(folder).status().unwrap().success());
        (failed, left)
    } else {
        println!("no tmpfs can be mounted here: a limit on the size of a file takes its place");
        // In blocks of 512 bytes. The signal that comes with the error would end the process.
        let limited = "trap '' XFSZ; ulimit -f 256; exec \"$0\" \"$@\"";
        let mut command = Command::new("sh");
        command.args(["-c", limited, env!("CARGO_BIN_EXE_restain"), "normalize"]).arg(slide());
        let failed = command.arg("-o").arg(desk.output()).args(lossless).output().unwrap();
        (failed, names(desk.folder.path()))
    };
    assert_fails(&failed, &["out.tif", "space"]);
    assert_eq!(left, [""; 0]);
}

#[test]
fn settings_out_of_range() {
    let desk = Desk::new();
    for (options, words) in [
        (["--level", "99"], ["slide.mrxs", "no level 99"]),
        (["--mpp", "0.01"], ["slide.mrxs", "0.01"]),
        (["--mpp", "-1"], ["-1", "above 0"]),
        (["--mpp", "NaN"], ["NaN", "above 0"]),
        (["--tile", "0"], ["0", "multiple of 64"]),
        (["--tile", "100"], ["100", "multiple of 64"]),
        (["--quality", "0"], ["0", "between 1 and 100"]),
        (["--quality", "101"], ["101", "between 1 and 100"]),
        (["--threads", "0"], ["0 threads", "1 to 1024"]),
        (["--device", "abacus"], ["abacus", "cpu"]),
    ] {
        // A number that begins with a minus is an option of its own otherwise.
        let option = format!("{}={}", options[0], options[1]);
        desk.fails(slide(), &["--model", "identity", &option], &words);
    }
}

#[test]
fn arguments_that_make_no_sense() {
    let desk = Desk::new();
    desk.refuses(&["--tile", "big"], &["--tile", "big"]);
    desk.refuses(&["--quality", "1000"], &["--quality", "1000"]);
    desk.refuses(&["--level", "-1"], &["--level", "-1"]);
    desk.refuses(&["--mpp", "fine"], &["--mpp", "fine"]);
    desk.refuses(&["--level", "1", "--mpp", "1"], &["--level", "--mpp"]);
    desk.refuses(&["--compression", "zip"], &["zip", "deflate"]);
    desk.refuses(&["--subsampling", "4:1:1"], &["4:1:1", "4:2:0"]);
    desk.refuses(&["--extent", "all"], &["all", "bounds"]);
}

#[test]
fn regions_that_are_none() {
    let slide = slide().to_str().unwrap();
    for region in ["0,0,0,0", "0,0,10,0", "1,2,3", "a,b,c,d", "0,0,-5,5", ""] {
        let refused = run(["compare", slide, slide, "--region", region]);
        assert_eq!(refused.status.code(), Some(2), "{region}");
        let said = text(&refused.stderr);
        assert!(said.starts_with("error: ") && said.contains("--region"), "{said}");
    }
    let beyond = run(["compare", slide, slide, "--region", "600,500,101,101"]);
    assert_fails(&beyond, &["within 700 x 600 px"]);
    assert_fails(&run(["compare", slide, slide, "--level", "50"]), &["no level 50"]);
}

#[test]
fn pictures_that_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).into_os_string().into_string().unwrap();
    fs::write(path("prose.png"), "not a picture").unwrap();
    fs::create_dir(path("empty")).unwrap();
    let fails = |input: &str, output: &str, words: &[&str]| {
        let failed = run(["normalize-image", &path(input), "-o", &path(output), "--model", "identity"]);
        assert_fails(&failed, words);
    };
    fails("missing.png", "out.png", &["missing.png"]);
    fails("prose.png", "out.png", &["prose.png"]);
    fails("empty", "out", &["empty", "no PNG"]);
    image::RgbImage::new(3, 2).save(path("black.png")).unwrap();
    fails("black.png", "out.xyz", &["out.xyz"]);
    fails("black.png", "no/such/folder/out.png", &["out.png"]);
    fails("black.png", "black.png", &["would replace the input"]);
    fails("slide.mrxs", "out.png", &["slide.mrxs", "restain normalize"]);
    image::RgbImage::from_fn(90, 90, |x, y| image::Rgb([x as u8, y as u8, 5])).save(path("cut.jpg")).unwrap();
    let whole = fs::read(path("cut.jpg")).unwrap();
    fs::write(path("cut.jpg"), &whole[..whole.len() * 3 / 4]).unwrap();
    fails("cut.jpg", "out.png", &["cut.jpg", "cut short"]);
    assert_eq!(names(folder.path()), ["black.png", "cut.jpg", "empty", "prose.png"]);
}

#[test]
fn slides_that_cannot_be_made() {
    let folder = tempfile::tempdir().unwrap();
    let fails = |name: &str, options: &[&str], words: &[&str]| {
        let path = folder.path().join(name);
        assert_fails(&run([&["synth", "slide", path.to_str().unwrap()], options].concat()), words);
    };
    fails("a.mrxs", &["--size", "1x1"], &["1 x 1 px"]);
    fails("a.tif", &["--size", "700x600"], &["a.tif", ".mrxs"]);
    fails("a.mrxs", &["--size", "700x600", "--coverage", "0"], &["coverage"]);
    fails("a.mrxs", &["--size", "700x600", "--from", "/no/such/folder"], &["/no/such/folder"]);
    fails("no/such/folder/a.mrxs", &["--size", "700x600"], &["a"]);
    assert_eq!(names(folder.path()), [""; 0]);
    for size in ["700", "x", "-1x5", "700x600x500"] {
        let refused = run(["synth", "slide", "a.mrxs", &format!("--size={size}")]);
        assert_eq!(refused.status.code(), Some(2), "{size}");
    }
    let refused = run(["synth", "slide", "a.mrxs", "--size", "700x600", "--style", "sepia"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("new-scanner"), "{}", text(&refused.stderr));
}
