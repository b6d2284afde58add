/* The state file: what the simulated GPUs of one node look like at this moment.
 *
 * Plain text, read anew at every call, so that whoever edits it changes a running program's GPUs:
 *
 *     [driver]                        facts of the driver
 *     version = 580.126.20
 *     fail nvmlDeviceGetName = 15     this function answers that NVML error code
 *     hide last = yes                 the last visible GPU is not listed
 *     [profile]                       what all GPUs have in common
 *     name = NVIDIA H100 80GB HBM3
 *     [gpu 0]                         one GPU; wins over [profile]
 *     uuid = GPU-...
 *     lost = yes                      "GPU is lost" for every question about it
 *     xid = 79                        one XID event, sent when the value changes
 *     mig 7 = MIG-...                 it is partitioned: GPU instance 7 of it, see mig.h
 *
 * It is written in place under an exclusive lock (containers hold a bind mount of this very inode)
 * and read under a shared one.
 */
#ifndef AICR_LAB_STATE_H
#define AICR_LAB_STATE_H

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define STATE_MAX 65536 /* 16 GPUs need about 5,000 bytes */

struct state {
    char text[STATE_MAX];
};

/* Reads the file; an unreadable one is an empty state, which means "no driver". */
static inline void state_read(const char *path, struct state *state) {
    ssize_t length = 0;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        flock(file, LOCK_SH);
        length = read(file, state->text, STATE_MAX - 1);
        close(file);
    }
    state->text[length > 0 ? length : 0] = 0;
}

/* Is `line` (of `length` bytes) "key = value"? Then the value goes to `out`. */
static inline int state_line(const char *line, size_t length, const char *key, char *out, size_t size) {
    size_t width = strlen(key);
    if (length < width || strncmp(line, key, width) != 0)
        return 0;
    const char *end = line + length, *value = line + width;
    while (value < end && isblank((unsigned char)*value))
        value++;
    if (value == end || *value != '=')
        return 0;
    for (value++; value < end && isblank((unsigned char)*value);)
        value++;
    while (end > value && isspace((unsigned char)end[-1]))
        end--;
    snprintf(out, size, "%.*s", (int)(end - value), value);
    return 1;
}

/* The value of `key` in `[section]`; 0 and "" where there is none. */
static inline int state_get(const struct state *state, const char *section, const char *key, char *out,
                            size_t size) {
    int inside = 0;
    size_t width = strlen(section);
    out[0] = 0;
    for (const char *line = state->text; *line;) {
        size_t length = strcspn(line, "\n");
        if (line[0] == '[')
            inside = length == width + 2 && strncmp(line + 1, section, width) == 0;
        else if (inside && state_line(line, length, key, out, size))
            return 1;
        line += length + (line[length] == '\n');
    }
    return 0;
}

/* The value of `key` for one GPU: its own, else the profile's. */
static inline int state_of_gpu(const struct state *state, int gpu, const char *key, char *out, size_t size) {
    char section[16];
    snprintf(section, sizeof section, "gpu %d", gpu);
    return state_get(state, section, key, out, size) || state_get(state, "profile", key, out, size);
}

#endif
