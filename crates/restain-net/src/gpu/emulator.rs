//! Kernels of the GPU, run on the processor: `emulator/emulator.hpp` says how.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use libloading::{Library, Symbol};

/// The kernels of a source file in `kernels/`, made for the processor.
pub(crate) struct Kernels {
    /// The emulator runs one launch at a time.
    library: Mutex<Library>,
    _folder: tempfile::TempDir,
}

type Kernel = unsafe extern "C" fn(*const ());
type Emulate = unsafe extern "C" fn(Kernel, *const (), *const u32, u32, u32) -> i32;

impl Kernels {
    /// Compiles `kernels/<name>.cu` with the host's C++ compiler.
    pub(crate) fn compile(name: &str) -> Self {
        let sources = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/gpu"));
        let folder = tempfile::tempdir().unwrap();
        let file: PathBuf = folder.path().join(format!("{name}.so"));
        let status = Command::new("c++")
            .args(["-std=c++17", "-O2", "-Wall", "-Wno-unknown-pragmas", "-Werror", "-shared", "-fPIC"])
            .args(["-x", "c++", "-include"])
            .arg(sources.join("emulator/emulator.hpp"))
            .arg(sources.join(format!("kernels/{name}.cu")))
            .arg("-o")
            .arg(&file)
            .status()
            .expect("c++ is needed to test the kernels of the GPU");
        assert!(status.success(), "{name}.cu does not compile");
        // SAFETY: the library has just been made of our own sources and runs nothing when it is opened.
        let library = unsafe { Library::new(&file) }.unwrap();
        Self { library: Mutex::new(library), _folder: folder }
    }

    /// Runs a kernel over blocks of `threads` threads, their order drawn from `seed`.
    ///
    /// # Safety
    /// `parameters` is the structure that the kernel takes, and its pointers are valid for all that it does.
    pub(crate) unsafe fn launch<P>(
        &self,
        kernel: &str,
        parameters: &P,
        grid: [u32; 3],
        threads: u32,
        seed: u32,
    ) {
        let library = self.library.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: `KERNEL` in emulator.hpp gives kernels and `emulate` these types.
        let (emulate, function): (Symbol<'_, Emulate>, Symbol<'_, Kernel>) = unsafe {
            (library.get(b"emulate\0").unwrap(), library.get(format!("{kernel}\0").as_bytes()).unwrap())
        };
        // SAFETY: the caller's promise.
        let failed =
            unsafe { emulate(*function, (&raw const *parameters).cast(), grid.as_ptr(), threads, seed) };
        assert_eq!(failed, 0, "{kernel}: threads of a block wait for what never comes");
    }
}
