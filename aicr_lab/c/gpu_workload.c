/* gpu-workload: keeps a granted GPU busy, as far as the lab's side can see.
 *
 *     gpu-workload [--seconds N] [--load PERCENT]
 *     nbody [-benchmark] [-numbodies=N] [-iterations=N]
 *
 * As nbody it stands for NVIDIA's sample of that name and takes as long as its work would on a GPU that is
 * sixty times as fast as a real one. As python3 it stands for PyTorch on AMD's, whatever its program says.
 *
 * Like a CUDA program it takes device 0 of what its container was given, and fails without one. While
 * it works it rewrites /dev/shm/aicr-lab-gpu-load-GPU-INSTANCE (the containers of a pod share that
 * folder), "GPU LOAD INSTANCE" as one line, every half second; the lab's agent takes a line for true
 * while its file is fresh and the container really holds that GPU. It ends at once on TERM.
 *
 * Static, so that any image can carry it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define HEARTBEAT "/dev/shm/aicr-lab-gpu-load-%d-%d"
#define MAX_GPUS 16
#define INTERACTIONS_PER_SECOND 1.8e14

static volatile sig_atomic_t ended;

static void end(int signal) {
    (void)signal;
    ended = 1;
}

/* The first GPU that this container may open; -1 for none. ENXIO: allowed, and no driver behind it. */
static int first_gpu(void) {
    char path[32];
    struct stat status;
    for (int number = 0; number < 2 * MAX_GPUS; number++) {
        int gpu = number % MAX_GPUS;
        snprintf(path, sizeof path, number < MAX_GPUS ? "/dev/nvidia%d" : "/dev/dri/card%d", gpu);
        if (stat(path, &status) != 0 || !S_ISCHR(status.st_mode))
            continue;
        int file = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
        if (file >= 0)
            close(file);
        if (file >= 0 || errno == ENXIO)
            return gpu;
    }
    return -1;
}

/* The first instance of a partitioned GPU that is there; 0 where there is none. See mig.h. */
static int first_instance(int gpu) {
    char path[64];
    struct stat status;
    for (int instance = 7; instance < 14; instance++) {
        snprintf(path, sizeof path, "/dev/nvidia-caps/nvidia-cap%d", 3 + gpu * 135 + instance * 9);
        if (stat(path, &status) == 0 && S_ISCHR(status.st_mode))
            return instance;
    }
    return 0;
}

static void stop(int gpu, int instance) {
    char path[48];
    snprintf(path, sizeof path, HEARTBEAT, gpu, instance);
    unlink(path);
}

static int beat(int gpu, int load, int instance) {
    char path[48];
    snprintf(path, sizeof path, HEARTBEAT, gpu, instance);
    FILE *file = fopen(path, "w");
    if (!file) {
        perror(path);
        return 0;
    }
    fprintf(file, "%d %d %d\n", gpu, load, instance);
    return fclose(file) == 0;
}

/* NVIDIA's sample takes its options with one dash or two. */
static int number_after(const char *argument, const char *option, double *number) {
    argument += strspn(argument, "-");
    size_t width = strlen(option);
    if (strncmp(argument, option, width) != 0 || argument[width] != '=')
        return 0;
    *number = atof(argument + width + 1);
    return 1;
}

int main(int count, char **arguments) {
    int seconds = 0, load = 95;
    double bodies = 0, iterations = 10;
    for (int i = 1; i < count; i++) {
        if (number_after(arguments[i], "numbodies", &bodies) || number_after(arguments[i], "iterations", &iterations))
            seconds = 1 + (int)(bodies * bodies * iterations / INTERACTIONS_PER_SECOND);
        else if (i + 1 < count && strcmp(arguments[i], "--seconds") == 0)
            seconds = atoi(arguments[++i]);
        else if (i + 1 < count && strcmp(arguments[i], "--load") == 0)
            load = atoi(arguments[++i]);
    }
    signal(SIGTERM, end);
    signal(SIGINT, end);
    int gpu = first_gpu();
    if (gpu < 0) {
        puts("Error: only 0 Devices available, 1 requested.  Exiting.");
        return 1;
    }
    int instance = first_instance(gpu);
    printf("GPU %d is busy at %d %%\n", gpu, load);
    fflush(stdout);
    const struct timespec pause = {.tv_nsec = 500000000};
    for (int ticks = 0; !ended && (seconds == 0 || ticks < seconds * 2); ticks++) {
        if (!beat(gpu, load, instance))
            return 1;
        nanosleep(&pause, NULL);
    }
    stop(gpu, instance);
    if (bodies > 0)
        printf("%.0f bodies, total time for %.0f iterations: %d ms\n", bodies, iterations, seconds * 1000);
    return 0;
}
