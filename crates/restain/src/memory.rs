//! How the C library's allocator treats freed memory.

/// Keeps freed memory for what is allocated next. A training step frees all its gradients and allocates as many; given
/// back to the system in between, every page of them would be cleared again.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code)]
pub(crate) fn keep_freed() {
    // Larger than any tensor of a step; glibc allows no more (mallopt(3)).
    const LARGEST: libc::c_int = 32 << 20;
    // SAFETY: both are settings of the allocator, which take its lock and have no precondition. If one is refused,
    // training is slower and nothing else.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGEST);
        libc::mallopt(libc::M_TRIM_THRESHOLD, libc::c_int::MAX);
    }
}

/// Other allocators are left as they are.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn keep_freed() {}
