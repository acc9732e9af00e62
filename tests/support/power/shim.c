/* Tells a journal everything that a process does to the files below a folder, so that a power cut can be replayed.
 *
 * LD_PRELOAD it with POWER_ROOT (the folder, a real path) and POWER_JOURNAL (a file outside of it, appended to).
 * Each entry: u32 length of what follows, u8 kind, u64 a, u64 b, u64 c, then data; little-endian, see journal.py.
 * One lock is held from the call to its entry, so that entries stand in the order of what happened. A sync reaches no
 * disk: that an entry says so is all that the replayer needs, and it spares the machine that runs the test.
 * POWER_DISK, if set, names a file with one i64: the bytes that the disk has left, -1 for no bound.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CREATED = 1, OPENED, WROTE, RESIZED, SYNCED, RENAMED, UNLINKED, LINKED, FOLDER_MADE, FOLDER_GONE, FOLDER_SYNCED,
       SYMLINKED, DISK_SYNCED };
enum { MOST_FDS = 4096 };

static struct { uint64_t inode; int append; int folder; char *path; } watched[MOST_FDS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char root[PATH_MAX];
static size_t root_length;
static int journal = -1;
static int64_t *disk_left;

static int raw_open(const char *path, int flags, int mode) { return syscall(SYS_openat, AT_FDCWD, path, flags, mode); }

static void must(int fine) {
    if (!fine) {
        static const char words[] = "power shim: the journal cannot be written\n";
        (void)!syscall(SYS_write, 2, words, sizeof words - 1);
        _exit(99);
    }
}

__attribute__((constructor)) static void begin(void) {
    const char *folder = getenv("POWER_ROOT"), *log = getenv("POWER_JOURNAL"), *disk = getenv("POWER_DISK");
    if (!folder || !log || journal >= 0) return;
    must(realpath(folder, root) != NULL);
    root_length = strlen(root);
    journal = raw_open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    must(journal >= 0);
    if (!disk) return;
    int fd = raw_open(disk, O_RDWR | O_CLOEXEC, 0);
    must(fd >= 0);
    disk_left = mmap(NULL, sizeof *disk_left, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    must(disk_left != MAP_FAILED);
    syscall(SYS_close, fd);
}

static void tell(uint8_t kind, uint64_t a, uint64_t b, uint64_t c, const void *data, size_t size) {
    uint8_t head[29];
    uint32_t length = 25 + size;
    memcpy(head, &length, 4);
    head[4] = kind;
    memcpy(head + 5, &a, 8);
    memcpy(head + 13, &b, 8);
    memcpy(head + 21, &c, 8);
    struct iovec parts[2] = {{head, sizeof head}, {(void *)data, size}};
    must(syscall(SYS_writev, journal, parts, size ? 2 : 1) == (long)(sizeof head + size));
}

/* The path below the root into `found`, or NULL if it lies elsewhere. */
static const char *below(int folder, const char *path, char found[PATH_MAX]) {
    if (journal < 0 || !path) return NULL;
    char whole[PATH_MAX], parent[PATH_MAX];
    if (path[0] == '/') {
        if (snprintf(whole, sizeof whole, "%s", path) >= PATH_MAX) return NULL;
    } else {
        char link[64], base[PATH_MAX];
        snprintf(link, sizeof link, folder == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", folder);
        ssize_t length = readlink(link, base, sizeof base - 1);
        if (length < 0) return NULL;
        base[length] = 0;
        if (strlen(base) + strlen(path) + 2 > PATH_MAX) return NULL;
        strcpy(whole, base);
        strcat(whole, "/");
        strcat(whole, path);
    }
    char *name = strrchr(whole, '/');
    size_t end = strlen(whole);
    while (end > 1 && whole[end - 1] == '/') whole[--end] = 0;
    name = strrchr(whole, '/');
    *name = 0;
    if (!realpath(whole[0] ? whole : "/", parent)) return NULL;
    if (strlen(parent) + strlen(name + 1) + 2 > PATH_MAX) return NULL;
    strcpy(found, parent);
    strcat(found, "/");
    strcat(found, name + 1);
    if (strncmp(found, root, root_length) || (found[root_length] != '/' && found[root_length])) return NULL;
    return found[root_length] ? found + root_length + 1 : "";
}

static uint64_t inode_of(const char *path) {
    struct stat seen;
    return path && !lstat(path, &seen) ? seen.st_ino : 0;
}

static int64_t size_of_fd(int fd) {
    struct stat seen;
    return fstat(fd, &seen) ? 0 : seen.st_size;
}

static int opened(int folder, const char *path, int flags, mode_t mode) {
    char whole[PATH_MAX];
    pthread_mutex_lock(&lock);
    const char *name = below(folder, path, whole);
    uint64_t before = name ? inode_of(whole) : 0;
    int fd = syscall(SYS_openat, folder, path, flags | O_LARGEFILE, mode);
    int error = errno;
    if (fd >= 0 && fd < MOST_FDS) {
        free(watched[fd].path);
        watched[fd].path = NULL;
        watched[fd].inode = 0;
        struct stat seen;
        if (name && !fstat(fd, &seen)) {
            watched[fd].inode = seen.st_ino;
            watched[fd].append = flags & O_APPEND;
            watched[fd].folder = S_ISDIR(seen.st_mode);
            watched[fd].path = strdup(name);
            if (S_ISREG(seen.st_mode)) {
                tell(before ? OPENED : CREATED, seen.st_ino, 0, 0, name, strlen(name));
                if (before && flags & O_TRUNC) tell(RESIZED, seen.st_ino, 0, 0, NULL, 0);
            }
        }
    }
    pthread_mutex_unlock(&lock);
    errno = error;
    return fd;
}

#define MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | __O_TMPFILE)) { va_list more; va_start(more, flags); mode = va_arg(more, int); va_end(more); }

int open(const char *path, int flags, ...) { MODE(flags) return opened(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return opened(AT_FDCWD, path, flags, mode); }
int openat(int folder, const char *path, int flags, ...) { MODE(flags) return opened(folder, path, flags, mode); }
int openat64(int folder, const char *path, int flags, ...) { MODE(flags) return opened(folder, path, flags, mode); }
int creat(const char *path, mode_t mode) { return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

int close(int fd) {
    pthread_mutex_lock(&lock);
    if (fd >= 0 && fd < MOST_FDS) {
        free(watched[fd].path);
        watched[fd].path = NULL;
        watched[fd].inode = 0;
    }
    int result = syscall(SYS_close, fd);
    pthread_mutex_unlock(&lock);
    return result;
}

static int is_watched(int fd) { return fd >= 0 && fd < MOST_FDS && watched[fd].inode && !watched[fd].folder; }

/* How many of `size` bytes the disk has room for at `offset`; what lies within the file already costs nothing. */
static size_t room(int fd, int64_t offset, size_t size) {
    if (!disk_left || *disk_left < 0) return size;
    int64_t end = size_of_fd(fd), grows = offset + (int64_t)size - (offset > end ? offset : end);
    if (grows <= 0) return size;
    if (grows <= *disk_left) {
        *disk_left -= grows;
        return size;
    }
    int64_t cut = (int64_t)size - (grows - *disk_left);
    *disk_left = 0;
    return cut > 0 ? cut : 0;
}

static ssize_t written(int fd, const void *data, size_t size, int64_t at) {
    if (!is_watched(fd)) return at < 0 ? syscall(SYS_write, fd, data, size) : syscall(SYS_pwrite64, fd, data, size, at);
    pthread_mutex_lock(&lock);
    int64_t offset = at >= 0 ? at : watched[fd].append ? size_of_fd(fd) : syscall(SYS_lseek, fd, 0, SEEK_CUR);
    size_t fits = room(fd, offset, size);
    ssize_t done;
    if (size && !fits) {
        errno = ENOSPC;
        done = -1;
    } else {
        done = at < 0 ? syscall(SYS_write, fd, data, fits) : syscall(SYS_pwrite64, fd, data, fits, at);
    }
    int error = errno;
    if (done > 0) tell(WROTE, watched[fd].inode, offset, 0, data, done);
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

ssize_t write(int fd, const void *data, size_t size) { return written(fd, data, size, -1); }
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { return written(fd, data, size, at); }
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) { return written(fd, data, size, at); }

static ssize_t gathered(int fd, const struct iovec *parts, int count, int64_t at) {
    ssize_t total = 0;
    for (int index = 0; index < count; index++) {
        ssize_t done = written(fd, parts[index].iov_base, parts[index].iov_len, at < 0 ? -1 : at + total);
        if (done < 0) return total ? total : -1;
        total += done;
        if ((size_t)done < parts[index].iov_len) break;
    }
    return total;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    return is_watched(fd) ? gathered(fd, parts, count, -1) : syscall(SYS_writev, fd, parts, count);
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) { return gathered(fd, parts, count, at); }
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) { return gathered(fd, parts, count, at); }

/* Copies within the kernel are refused, so that callers read and write. */
ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t size, unsigned flags) {
    if (is_watched(to)) { errno = EXDEV; return -1; }
    return syscall(SYS_copy_file_range, from, from_at, to, to_at, size, flags);
}
ssize_t sendfile(int to, int from, off_t *at, size_t size) {
    if (is_watched(to)) { errno = EINVAL; return -1; }
    return syscall(SYS_sendfile, to, from, at, size);
}
ssize_t sendfile64(int to, int from, off64_t *at, size_t size) { return sendfile(to, from, at, size); }

static int resized(int fd, int64_t size) {
    if (!is_watched(fd)) return syscall(SYS_ftruncate, fd, size);
    pthread_mutex_lock(&lock);
    int64_t before = size_of_fd(fd);
    int result = syscall(SYS_ftruncate, fd, size), error = errno;
    if (!result) {
        if (disk_left && *disk_left >= 0 && before > size) *disk_left += before - size;
        tell(RESIZED, watched[fd].inode, size, 0, NULL, 0);
    }
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

int ftruncate(int fd, off_t size) { return resized(fd, size); }
int ftruncate64(int fd, off64_t size) { return resized(fd, size); }
int truncate(const char *path, off_t size) {
    int fd = opened(AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
    if (fd < 0) return -1;
    int result = resized(fd, size);
    close(fd);
    return result;
}
int truncate64(const char *path, off64_t size) { return truncate(path, size); }

static int allocated(int fd, int mode, int64_t at, int64_t size) {
    if (!is_watched(fd)) return syscall(SYS_fallocate, fd, mode, at, size);
    pthread_mutex_lock(&lock);
    int result = 0;
    if (room(fd, at, size) < (size_t)size) {
        errno = ENOSPC;
        result = -1;
    } else if (size_of_fd(fd) < at + size && !(mode & FALLOC_FL_KEEP_SIZE)) {
        result = syscall(SYS_ftruncate, fd, at + size);
        if (!result) tell(RESIZED, watched[fd].inode, at + size, 0, NULL, 0);
    }
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

int fallocate(int fd, int mode, off_t at, off_t size) { return allocated(fd, mode, at, size); }
int fallocate64(int fd, int mode, off64_t at, off64_t size) { return allocated(fd, mode, at, size); }
int posix_fallocate(int fd, off_t at, off_t size) { return allocated(fd, 0, at, size) ? errno : 0; }
int posix_fallocate64(int fd, off64_t at, off64_t size) { return allocated(fd, 0, at, size) ? errno : 0; }

static int synced(int fd, long call) {
    if (fd < 0 || fd >= MOST_FDS || !watched[fd].inode) return syscall(call, fd);
    pthread_mutex_lock(&lock);
    const char *path = watched[fd].path;
    tell(watched[fd].folder ? FOLDER_SYNCED : SYNCED, watched[fd].inode, 0, 0, path, strlen(path));
    pthread_mutex_unlock(&lock);
    return 0;
}

int fsync(int fd) { return synced(fd, SYS_fsync); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

/* All of the disk of a watched file. */
int syncfs(int fd) {
    if (fd < 0 || fd >= MOST_FDS || !watched[fd].inode) return syscall(SYS_syncfs, fd);
    pthread_mutex_lock(&lock);
    tell(DISK_SYNCED, 0, 0, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    return 0;
}

/* Two names, with a zero between them. */
static void tell_two(uint8_t kind, uint64_t inode, const char *from, const char *to) {
    char both[2 * PATH_MAX];
    size_t first = strlen(from) + 1, second = strlen(to);
    memcpy(both, from, first);
    memcpy(both + first, to, second);
    tell(kind, inode, 0, 0, both, first + second);
}

static int renamed(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
    char whole_from[PATH_MAX], whole_to[PATH_MAX];
    pthread_mutex_lock(&lock);
    const char *old = below(from_folder, from, whole_from), *new = below(to_folder, to, whole_to);
    uint64_t inode = old ? inode_of(whole_from) : 0;
    int result = syscall(SYS_renameat2, from_folder, from, to_folder, to, flags), error = errno;
    if (!result && old && new) tell_two(RENAMED, inode, old, new);
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

int rename(const char *from, const char *to) { return renamed(AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    return renamed(from_folder, from, to_folder, to, 0);
}
int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
    return renamed(from_folder, from, to_folder, to, flags);
}

static int removed(int folder, const char *path, int flags) {
    char whole[PATH_MAX];
    pthread_mutex_lock(&lock);
    const char *name = below(folder, path, whole);
    struct stat seen;
    int64_t freed = name && !lstat(whole, &seen) && seen.st_nlink == 1 && S_ISREG(seen.st_mode) ? seen.st_size : 0;
    int result = syscall(SYS_unlinkat, folder, path, flags), error = errno;
    if (!result && name) {
        if (disk_left && *disk_left >= 0) *disk_left += freed;
        tell(flags & AT_REMOVEDIR ? FOLDER_GONE : UNLINKED, 0, 0, 0, name, strlen(name));
    }
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

int unlink(const char *path) { return removed(AT_FDCWD, path, 0); }
int unlinkat(int folder, const char *path, int flags) { return removed(folder, path, flags); }
int rmdir(const char *path) { return removed(AT_FDCWD, path, AT_REMOVEDIR); }

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags) {
    char whole_from[PATH_MAX], whole_to[PATH_MAX];
    pthread_mutex_lock(&lock);
    const char *old = below(from_folder, from, whole_from), *new = below(to_folder, to, whole_to);
    int result = syscall(SYS_linkat, from_folder, from, to_folder, to, flags), error = errno;
    if (!result && new) tell_two(LINKED, inode_of(whole_to), old ? old : "", new);
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}
int symlinkat(const char *target, int folder, const char *path) {
    char whole[PATH_MAX];
    pthread_mutex_lock(&lock);
    const char *name = below(folder, path, whole);
    int result = syscall(SYS_symlinkat, target, folder, path), error = errno;
    if (!result && name) tell_two(SYMLINKED, inode_of(whole), target, name);
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}
int symlink(const char *target, const char *path) { return symlinkat(target, AT_FDCWD, path); }

int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

int mkdirat(int folder, const char *path, mode_t mode) {
    char whole[PATH_MAX];
    pthread_mutex_lock(&lock);
    const char *name = below(folder, path, whole);
    int result = syscall(SYS_mkdirat, folder, path, mode), error = errno;
    if (!result && name) tell(FOLDER_MADE, 0, 0, 0, name, strlen(name));
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

static void bound(struct statvfs *disk) {
    if (disk_left && *disk_left >= 0 && disk->f_frsize) disk->f_bavail = disk->f_bfree = *disk_left / disk->f_frsize;
}

int statvfs(const char *path, struct statvfs *disk) {
    static int (*real)(const char *, struct statvfs *);
    if (!real) real = dlsym(RTLD_NEXT, "statvfs");
    int result = real(path, disk);
    char whole[PATH_MAX];
    if (!result && below(AT_FDCWD, path, whole)) bound(disk);
    return result;
}
int statvfs64(const char *path, struct statvfs64 *disk) { return statvfs(path, (struct statvfs *)disk); }
int fstatvfs(int fd, struct statvfs *disk) {
    static int (*real)(int, struct statvfs *);
    if (!real) real = dlsym(RTLD_NEXT, "fstatvfs");
    int result = real(fd, disk);
    if (!result && fd >= 0 && fd < MOST_FDS && watched[fd].inode) bound(disk);
    return result;
}
int fstatvfs64(int fd, struct statvfs64 *disk) { return fstatvfs(fd, (struct statvfs *)disk); }
