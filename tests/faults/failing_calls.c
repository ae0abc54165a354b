/* Lets calls of the operating system fail, as a file says while it exists: lines of

       CALL END ERRNO WHEN

   CALL is fsync, fdatasync, write or rename; END is how the path ends; WHEN is `instead`, or `after` to do it first. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

struct fault { int number; int after; };

static struct fault find(const char *call, const char *path) {
    struct fault found = {0, 0};
    const char *name = getenv("FAILING_CALLS");
    FILE *file = name ? fopen(name, "re") : NULL;
    if (!file) return found;
    char wanted[16], end[512], when[16];
    int number;
    while (fscanf(file, "%15s %511s %d %15s", wanted, end, &number, when) == 4) {
        size_t length = strlen(path), tail = strlen(end);
        if (!strcmp(wanted, call) && length >= tail && !strcmp(path + length - tail, end)) {
            found.number = number;
            found.after = !strcmp(when, "after");
        }
    }
    fclose(file);
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
