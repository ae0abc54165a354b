/* Lets calls of the operating system fail, as a file says while it exists: lines of

       CALL END ERRNO WHEN

   CALL is fsync, fdatasync or rename, and END is how the path ends; or it is write, and END is somewhere in the path.
   WHEN is `instead`, `after` to do it first, or `held` to wait beforehand until the file is gone, with a file FILE.held
   that tells of it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

struct fault { int number; int after; int held; };

static struct fault find(const char *call, const char *path) {
    struct fault found = {0, 0, 0};
    const char *name = getenv("FAILING_CALLS");
    FILE *file = name ? fopen(name, "re") : NULL;
    if (!file) return found;
    char wanted[16], end[512], when[16];
    int number;
    while (fscanf(file, "%15s %511s %d %15s", wanted, end, &number, when) == 4) {
        size_t length = strlen(path), tail = strlen(end);
        int same = strcmp(call, "write") ? length >= tail && !strcmp(path + length - tail, end) : !!strstr(path, end);
        if (!strcmp(wanted, call) && same) {
            found.number = number;
            found.after = !strcmp(when, "after");
            found.held = !strcmp(when, "held");
        }
    }
    fclose(file);
    if (found.held) {
        char sign[4096];
        snprintf(sign, sizeof sign, "%s.held", name);
        FILE *told = fopen(sign, "w");
        if (told) fclose(told);
        while (!access(name, F_OK)) usleep(1000);
    }
    return found;
}

static struct fault find_open(const char *call, int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = 0;
    return find(call, path);
}

#define FAIL_OR(fault, real) \
    if ((fault).number && (fault).after) real; \
    if ((fault).number) { errno = (fault).number; return -1; } \
    return real

int fsync(int fd) {
    static int (*real)(int);
    if (!real) real = dlsym(RTLD_NEXT, "fsync");
    struct fault fault = find_open("fsync", fd);
    FAIL_OR(fault, real(fd));
}

int fdatasync(int fd) {
    static int (*real)(int);
    if (!real) real = dlsym(RTLD_NEXT, "fdatasync");
    struct fault fault = find_open("fdatasync", fd);
    FAIL_OR(fault, real(fd));
}

int rename(const char *from, const char *to) {
    static int (*real)(const char *, const char *);
    if (!real) real = dlsym(RTLD_NEXT, "rename");
    struct fault fault = find("rename", to);
    FAIL_OR(fault, real(from, to));
}

ssize_t write(int fd, const void *data, size_t size) {
    static ssize_t (*real)(int, const void *, size_t);
    if (!real) real = dlsym(RTLD_NEXT, "write");
    struct fault fault = find_open("write", fd);
    FAIL_OR(fault, real(fd, data, size));
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    static ssize_t (*real)(int, const struct iovec *, int);
    if (!real) real = dlsym(RTLD_NEXT, "writev");
    struct fault fault = find_open("write", fd);
    FAIL_OR(fault, real(fd, parts, count));
}
