#!/usr/bin/env python3
"""Writes what stands in for the CUDA libraries when restain is linked: each function opens the real one at its first call.

    scripts/cuda_stubs.py FOLDER-OF-THE-CUDARC-CRATE OUT

For each library OUT gets NAME.c and NAME.S. A function of the library is a jump through a slot; the slot first leads to
code that opens the library, finds the function, and fills the slot. Where there is no library the function returns the
status by which that library says that there is no device or that it was not initialized, so the caller sees an error
and nothing crashes. The names are those that the crate would look up itself. For x86-64 and the System V ABI.
"""
import pathlib
import re
import sys

# Linker's name: the crate's module, the library's file, what a function returns without it.
LIBRARIES = {
    "cuda": ("driver", "libcuda.so.1", 100),  # CUDA_ERROR_NO_DEVICE
    "cublas": ("cublas", "libcublas.so.13", 1),  # CUBLAS_STATUS_NOT_INITIALIZED
    "cublasLt": ("cublaslt", "libcublasLt.so.13", 1),
    "curand": ("curand", "libcurand.so.10", 203),  # CURAND_STATUS_INITIALIZATION_FAILED
    "nvrtc": ("nvrtc", "libnvrtc.so.13", 7),  # NVRTC_ERROR_BUILTIN_OPERATION_FAILURE
}

RESOLVER = """#include <dlfcn.h>
#include <stdio.h>

static long without_library(void) { return %(status)d; }

__attribute__((visibility("hidden"))) void *resolve_%(name)s(const char *function, void **slot) {
    static void *library;
    static int tried;
    if (!__atomic_load_n(&tried, __ATOMIC_ACQUIRE)) {
        __atomic_store_n(&library, dlopen("%(file)s", RTLD_NOW | RTLD_GLOBAL), __ATOMIC_RELEASE);
        __atomic_store_n(&tried, 1, __ATOMIC_RELEASE);
    }
    void *opened = __atomic_load_n(&library, __ATOMIC_ACQUIRE);
    void *found = opened ? dlsym(opened, function) : 0;
    if (opened && !found) fprintf(stderr, "%(file)s has no %%s\\n", function);
    if (!found) found = (void *)without_library;
    __atomic_store_n(slot, found, __ATOMIC_RELEASE);
    return found;
}
"""

FUNCTION = """
    .section .text.{function},"ax",@progbits
    .globl {function}
    .type {function},@function
    .p2align 4
{function}:
    endbr64
    mov .Lslot_{function}(%rip), %r11
    jmp *%r11
.Lfirst_{function}:
    endbr64
    lea .Lname_{function}(%rip), %r10
    lea .Lslot_{function}(%rip), %r11
    jmp first_call_{name}
    .size {function}, .-{function}
    .section .data.{function},"aw",@progbits
    .p2align 3
.Lslot_{function}: .quad .Lfirst_{function}
    .section .rodata.{function},"a",@progbits
.Lname_{function}: .asciz "{function}"
"""

# Registers that hold arguments: six whole numbers, the count of vectors, eight vectors.
REGISTERS = ["rdi", "rsi", "rdx", "rcx", "r8", "r9", "rax"]


def first_call(name):
    """Code that saves the arguments, calls the resolver with r10 and r11, and goes on to what it found."""
    kept = [("mov", f"%{register}", f"{8 * i}(%rsp)") for i, register in enumerate(REGISTERS)]
    kept += [("movaps", f"%xmm{i}", f"{64 + 16 * i}(%rsp)") for i in range(8)]
    lines = [
        f'    .section .text.first_call_{name},"ax",@progbits', f"    .globl first_call_{name}",
        f"    .hidden first_call_{name}", f"    .type first_call_{name},@function", f"first_call_{name}:",
        "    push %rbp", "    mov %rsp, %rbp", "    sub $192, %rsp", "    and $-16, %rsp",
        *(f"    {move} {register}, {place}" for move, register, place in kept),
        "    mov %r10, %rdi", "    mov %r11, %rsi", f"    call resolve_{name}", "    mov %rax, %r11",
        *(f"    {move} {place}, {register}" for move, register, place in kept),
        "    leave", "    jmp *%r11", '    .section .note.GNU-stack,"",@progbits',
    ]
    return "\n".join(lines) + "\n"


def main():
    crate, out = map(pathlib.Path, sys.argv[1:])
    for name, (module, file, status) in LIBRARIES.items():
        bindings = (crate / f"src/{module}/sys/mod.rs").read_text()
        functions = sorted(set(re.findall(r'load::<_F>\("([A-Za-z0-9_]+)"\)', bindings)))
        if not functions:
            sys.exit(f"no functions of {file} found in {crate}")
        (out / f"{name}.c").write_text(RESOLVER % {"name": name, "file": file, "status": status})
        stubs = (FUNCTION.format(function=function, name=name) for function in functions)
        (out / f"{name}.S").write_text("".join(stubs) + first_call(name))


if __name__ == "__main__":
    main()
