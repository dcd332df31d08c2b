// Preloaded into restain, makes calls on files fail or wait whose path holds FAULT_PATH.
// FAULT_CALL (read, write or fsync) fails with EIO after FAULT_AFTER bytes of such calls;
// FAULT_SLEEP are microseconds that every read takes.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_long passed;

static int meant(int file) {
    const char *part = getenv("FAULT_PATH");
    char link[32], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (!part || length < 0) return 0;
    path[length] = 0;
    return strstr(path, part) != NULL;
}

// Whether this call is to fail.
static int fails(const char *call, int file, size_t bytes) {
    const char *wanted = getenv("FAULT_CALL"), *after = getenv("FAULT_AFTER"), *sleep = getenv("FAULT_SLEEP");
    int reads = !strcmp(call, "read") && sleep, breaks = wanted && !strcmp(call, wanted);
    if ((!reads && !breaks) || !meant(file)) return 0;
    if (reads) usleep(atoi(sleep));
    if (!breaks || atomic_fetch_add(&passed, bytes) + (long)bytes <= (after ? atol(after) : 0)) return 0;
    errno = EIO;
    return 1;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t read(int file, void *buffer, size_t bytes) { return fails("read", file, bytes) ? -1 : NEXT(read)(file, buffer, bytes); }
ssize_t pread(int file, void *buffer, size_t bytes, off_t at) { return fails("read", file, bytes) ? -1 : NEXT(pread)(file, buffer, bytes, at); }
ssize_t pread64(int file, void *buffer, size_t bytes, off64_t at) { return fails("read", file, bytes) ? -1 : NEXT(pread64)(file, buffer, bytes, at); }
// The C library's own streams call none of the above.
size_t fread(void *buffer, size_t size, size_t count, FILE *stream) {
    return fails("read", fileno(stream), size * count) ? 0 : NEXT(fread)(buffer, size, count, stream);
}
ssize_t write(int file, const void *buffer, size_t bytes) { return fails("write", file, bytes) ? -1 : NEXT(write)(file, buffer, bytes); }
ssize_t pwrite(int file, const void *buffer, size_t bytes, off_t at) { return fails("write", file, bytes) ? -1 : NEXT(pwrite)(file, buffer, bytes, at); }
ssize_t pwrite64(int file, const void *buffer, size_t bytes, off64_t at) { return fails("write", file, bytes) ? -1 : NEXT(pwrite64)(file, buffer, bytes, at); }
int fsync(int file) { return fails("fsync", file, 1) ? -1 : NEXT(fsync)(file); }
int fdatasync(int file) { return fails("fsync", file, 1) ? -1 : NEXT(fdatasync)(file); }
