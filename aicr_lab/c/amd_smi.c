/* amd-smi of the lab: a stand-in for AMD's tool, as far as a list and a load go.
 *
 *     amd-smi                          a table
 *     amd-smi list --csv               one line per GPU below a heading
 *     amd-smi metric --usage --csv     how busy each is, below a heading
 *
 * As the real one since it asks KFD, it lists the GPUs whose device node its container may open; ENXIO is allowed,
 * and no driver behind it. What they look like stands in the state file that comes with a device.
 */
#define _GNU_SOURCE
#include "state.h"

#include <errno.h>
#include <string.h>

#define STATE "/run/aicr-lab/gpus"
#define MAX_GPUS 16
#define FIRST_RENDER_NODE 128

static int may_open(int gpu) {
    char path[32];
    snprintf(path, sizeof path, "/dev/dri/renderD%d", FIRST_RENDER_NODE + gpu);
    int file = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (file >= 0)
        close(file);
    return file >= 0 || errno == ENXIO;
}

int main(int count, char **arguments) {
    static struct state state;
    const char *command = count > 1 ? arguments[1] : "";
    int list = strcmp(command, "list") == 0, metric = strcmp(command, "metric") == 0, found = 0;
    state_read(STATE, &state);
    for (int gpu = 0; gpu < MAX_GPUS; gpu++) {
        char pci[32], uuid[64], busy[8], name[64];
        if (!state_of_gpu(&state, gpu, "pci", pci, sizeof pci) || !may_open(gpu))
            continue;
        state_of_gpu(&state, gpu, "uuid", uuid, sizeof uuid);
        state_of_gpu(&state, gpu, "utilization", busy, sizeof busy);
        state_of_gpu(&state, gpu, "name", name, sizeof name);
        if (!found && list)
            puts("gpu,gpu_bdf,gpu_uuid,kfd_id,node_id,partition_id");
        else if (!found && metric)
            puts("gpu,gfx_activity,umc_activity,mm_activity");
        if (list)
            printf("%d,%s,%s,%d,%d,0\n", found, pci, uuid, 45412 + gpu, gpu + 2);
        else if (metric)
            printf("%d,%s,0,N/A\n", found, busy);
        else
            printf("| %-14s %-32s | GFX-Uti %3s %% |  stand-in of the lab\n", pci, name, busy);
        found++;
    }
    if (!found) {
        puts("ERROR: Unable to detect any GPU devices, check amdgpu version and module status (sudo modprobe amdgpu)");
        return 255;
    }
    return 0;
}
