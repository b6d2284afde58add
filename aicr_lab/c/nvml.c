/* libnvidia-ml.so.1 of the lab: NVIDIA's own programs ask it about GPUs that are not there.
 *
 * It implements the functions that NVIDIA's DRA driver, device plugin, GPU feature discovery and a
 * metrics exporter call for GPUs, whole or partitioned (mig.h); everything else these binaries name is generated at build
 * time as "not supported" (a missing symbol would kill the caller). Its answers come from one text
 * file per node, see state.h, found
 *   - where AICR_LAB_NVML_STATE says (host-side programs that are to be told something else), or
 *   - beside the library: libnvidia-lab-gpus.so.<driver version>. The name is no accident: NVIDIA's
 *     CDI generator mounts every *.so.<driver version> of the driver root into the container.
 *
 * A GPU is visible if its device node can be opened: success, or ENXIO, which is what the kernel says
 * of a device node without a driver. ENOENT (not injected) and EPERM (refused by the devices cgroup)
 * hide it, so that the same library shows a container only what it was given. The nodes are looked
 * for in the dev directory of the root that the library lies in.
 *
 * NVML's header is not in this repository; it is included from go-nvml in the Go module cache.
 */
#define _GNU_SOURCE
#define NVML_NO_UNVERSIONED_FUNC_DEFS 1
#include "nvml.h"

#include <dlfcn.h>
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <strings.h>
#include <sys/stat.h>

#include "state.h"

#define MAX_GPUS 16
#define VALUE_MAX 96

struct nvmlDevice_st {
    int number;   /* of its section in the state file */
    int instance; /* of a partitioned GPU; 0 for the GPU itself */
};

struct nvmlEventSet_st {
    unsigned watched;                  /* bit per GPU */
    char seen[MAX_GPUS][VALUE_MAX];    /* the xid value that was last delivered */
};

static struct nvmlDevice_st devices[MAX_GPUS];
static int visible[MAX_GPUS]; /* index as the caller counts -> number */
static int visible_count;
static int initialised;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* --- where things are ------------------------------------------------------------------------- */

static void library_directory(char *out, size_t size) {
    Dl_info info;
    char *slash;
    snprintf(out, size, ".");
    if (dladdr((void *)library_directory, &info) && (slash = strrchr(info.dli_fname, '/')))
        snprintf(out, size, "%.*s", (int)(slash - info.dli_fname), info.dli_fname);
}

static void load(struct state *state) {
    char directory[PATH_MAX / 2], pattern[PATH_MAX];
    const char *override = getenv("AICR_LAB_NVML_STATE");
    glob_t found;
    state->text[0] = 0;
    if (override) {
        state_read(override, state);
        return;
    }
    library_directory(directory, sizeof directory);
    snprintf(pattern, sizeof pattern, "%s/libnvidia-lab-gpus.so.*", directory);
    if (glob(pattern, 0, NULL, &found) == 0)
        state_read(found.gl_pathv[0], state);
    globfree(&found);
}

static int node_opens(const char *name, int how) {
    char directory[PATH_MAX / 2], path[PATH_MAX];
    library_directory(directory, sizeof directory);
    /* <root>/usr/lib/<triplet>/ -> <root>/dev; a container's root is its own. */
    snprintf(path, sizeof path, "%s/../../../dev/%s", directory, name);
    int file = open(path, how | O_NONBLOCK | O_CLOEXEC);
    if (file < 0)
        return errno == ENXIO;
    /* Whoever may write to /dev can leave a plain file of that name there. */
    struct stat status;
    int is_device = fstat(file, &status) == 0 && S_ISCHR(status.st_mode);
    close(file);
    return is_device;
}

/* --- every call ------------------------------------------------------------------------------- */

static long long number_of(const struct state *state, int gpu, const char *key, long long fallback) {
    char value[VALUE_MAX];
    return state_of_gpu(state, gpu, key, value, sizeof value) ? strtoll(value, NULL, 10) : fallback;
}

static int says_yes(const struct state *state, const char *section, const char *key) {
    char value[VALUE_MAX];
    return state_get(state, section, key, value, sizeof value) && strcmp(value, "yes") == 0;
}

/* Reads the state; says which error this function has to answer, if any. */
static nvmlReturn_t enter(const char *function, struct state *state) {
    char key[VALUE_MAX], value[VALUE_MAX];
    load(state);
    if (!state_get(state, "driver", "version", value, sizeof value))
        return NVML_ERROR_DRIVER_NOT_LOADED;
    snprintf(key, sizeof key, "fail %s", function);
    return state_get(state, "driver", key, value, sizeof value) ? (nvmlReturn_t)atoi(value) : NVML_SUCCESS;
}

static nvmlReturn_t enter_device(const char *function, struct state *state, nvmlDevice_t device) {
    char section[16];
    nvmlReturn_t refusal = enter(function, state);
    if (refusal != NVML_SUCCESS)
        return refusal;
    if (!initialised)
        return NVML_ERROR_UNINITIALIZED;
    if (!device.handle)
        return NVML_ERROR_INVALID_ARGUMENT;
    snprintf(section, sizeof section, "gpu %d", device.handle->number);
    return says_yes(state, section, "lost") ? NVML_ERROR_GPU_IS_LOST : NVML_SUCCESS;
}

/* The first lines of a function of the library as a whole, and of one about a device. */
#define LIBRARY_CALL                                                                                     \
    struct state state;                                                                                  \
    do {                                                                                                 \
        nvmlReturn_t refusal_ = enter(__func__, &state);                                                 \
        if (refusal_ != NVML_SUCCESS)                                                                    \
            return refusal_;                                                                             \
    } while (0)

#define DEVICE_CALL(device)                                                                              \
    struct state state;                                                                                  \
    int gpu;                                                                                             \
    do {                                                                                                 \
        nvmlReturn_t refusal_ = enter_device(__func__, &state, device);                                  \
        if (refusal_ != NVML_SUCCESS)                                                                    \
            return refusal_;                                                                             \
        gpu = (device).handle->number;                                                                   \
        (void)gpu;                                                                                       \
    } while (0)

static nvmlReturn_t give(const char *value, char *out, unsigned int size) {
    if (strlen(value) + 1 > size)
        return NVML_ERROR_INSUFFICIENT_SIZE;
    strcpy(out, value);
    return NVML_SUCCESS;
}

static nvmlReturn_t give_text(const struct state *state, int gpu, const char *key, char *out, unsigned int size) {
    char value[VALUE_MAX];
    if (!state_of_gpu(state, gpu, key, value, sizeof value))
        return NVML_ERROR_NOT_SUPPORTED;
    return give(value, out, size);
}

#include "mig.h"

/* --- init ------------------------------------------------------------------------------------- */

static void look_for_gpus(const struct state *state) {
    char value[VALUE_MAX], name[32];
    visible_count = 0;
    for (int i = 0; i < MAX_GPUS; i++) {
        devices[i].number = i;
        snprintf(name, sizeof name, "nvidia%d", (int)number_of(state, i, "minor", i));
        if (state_of_gpu(state, i, "uuid", value, sizeof value) && node_opens(name, O_RDWR))
            visible[visible_count++] = i;
    }
    if (visible_count > 0 && says_yes(state, "driver", "hide last"))
        visible_count--;
}

nvmlReturn_t nvmlInitWithFlags(unsigned int flags) {
    (void)flags;
    LIBRARY_CALL;
    pthread_mutex_lock(&lock);
    if (initialised++ == 0)
        look_for_gpus(&state);
    pthread_mutex_unlock(&lock);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
nvmlReturn_t nvmlInit(void) { return nvmlInitWithFlags(0); }

nvmlReturn_t nvmlShutdown(void) {
    pthread_mutex_lock(&lock);
    int was = initialised;
    if (was)
        initialised--;
    pthread_mutex_unlock(&lock);
    return was ? NVML_SUCCESS : NVML_ERROR_UNINITIALIZED;
}

const char *nvmlErrorString(nvmlReturn_t result) {
    static const struct {
        nvmlReturn_t code;
        const char *text;
    } words[] = {
        {NVML_SUCCESS, "Success"},
        {NVML_ERROR_UNINITIALIZED, "Uninitialized"},
        {NVML_ERROR_INVALID_ARGUMENT, "Invalid Argument"},
        {NVML_ERROR_NOT_SUPPORTED, "Not Supported"},
        {NVML_ERROR_NO_PERMISSION, "Insufficient Permissions"},
        {NVML_ERROR_NOT_FOUND, "Not Found"},
        {NVML_ERROR_INSUFFICIENT_SIZE, "Insufficient Size"},
        {NVML_ERROR_DRIVER_NOT_LOADED, "Driver Not Loaded"},
        {NVML_ERROR_TIMEOUT, "Timeout"},
        {NVML_ERROR_GPU_IS_LOST, "GPU is lost"},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i].code == result)
            return words[i].text;
    return "Unknown Error";
}

nvmlReturn_t nvmlSystemGetDriverVersion(char *version, unsigned int length) {
    LIBRARY_CALL;
    char value[VALUE_MAX];
    state_get(&state, "driver", "version", value, sizeof value);
    return give(value, version, length);
}

nvmlReturn_t nvmlSystemGetNVMLVersion(char *version, unsigned int length) {
    LIBRARY_CALL;
    char value[VALUE_MAX], whole[VALUE_MAX + 8];
    state_get(&state, "driver", "version", value, sizeof value);
    snprintf(whole, sizeof whole, "13.%s", value); /* NVML's own: CUDA major, then the driver's */
    return give(whole, version, length);
}

nvmlReturn_t nvmlSystemGetCudaDriverVersion(int *version) {
    LIBRARY_CALL;
    char value[VALUE_MAX];
    int major = 0, minor = 0;
    state_get(&state, "driver", "cuda", value, sizeof value);
    sscanf(value, "%d.%d", &major, &minor);
    *version = major * 1000 + minor * 10;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlSystemGetCudaDriverVersion_v2(int *version) { return nvmlSystemGetCudaDriverVersion(version); }

/* --- finding a device ------------------------------------------------------------------------- */

nvmlReturn_t nvmlDeviceGetCount_v2(unsigned int *count) {
    LIBRARY_CALL;
    if (!initialised)
        return NVML_ERROR_UNINITIALIZED;
    *count = (unsigned int)visible_count;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned int index, nvmlDevice_t *device) {
    LIBRARY_CALL;
    if (!initialised)
        return NVML_ERROR_UNINITIALIZED;
    if (index >= (unsigned int)visible_count)
        return NVML_ERROR_INVALID_ARGUMENT;
    device->handle = &devices[visible[index]];
    return enter_device("nvmlDeviceGetHandleByIndex_v2", &state, *device);
}

nvmlReturn_t nvmlDeviceGetHandleByUUID(const char *uuid, nvmlDevice_t *device) {
    LIBRARY_CALL;
    char value[VALUE_MAX];
    for (int i = 0; i < visible_count; i++)
        if (state_of_gpu(&state, visible[i], "uuid", value, sizeof value) && strcmp(value, uuid) == 0) {
            device->handle = &devices[visible[i]];
            return NVML_SUCCESS;
        } else {
            for (int slice = 0; slice < MIG_SLICES; slice++)
                if (mig_uuid(&state, visible[i], MIG_FIRST_ID + slice, value, sizeof value) &&
                    strcmp(value, uuid) == 0) {
                    *device = mig_handle(visible[i], slice);
                    return NVML_SUCCESS;
                }
        }
    return NVML_ERROR_NOT_FOUND;
}

static void pci_of(const struct state *state, int gpu, nvmlPciInfo_t *pci) {
    char value[VALUE_MAX];
    memset(pci, 0, sizeof *pci);
    state_of_gpu(state, gpu, "pci", value, sizeof value);
    sscanf(value, "%x:%x:%x", &pci->domain, &pci->bus, &pci->device);
    state_of_gpu(state, gpu, "pci device", value, sizeof value);
    pci->pciDeviceId = (unsigned int)strtoul(value, NULL, 16);
    state_of_gpu(state, gpu, "pci subsystem", value, sizeof value);
    pci->pciSubSystemId = (unsigned int)strtoul(value, NULL, 16);
    snprintf(pci->busIdLegacy, sizeof pci->busIdLegacy, NVML_DEVICE_PCI_BUS_ID_LEGACY_FMT, pci->domain, pci->bus,
             pci->device);
    snprintf(pci->busId, sizeof pci->busId, NVML_DEVICE_PCI_BUS_ID_FMT, pci->domain, pci->bus, pci->device);
}

nvmlReturn_t nvmlDeviceGetHandleByPciBusId_v2(const char *bus_id, nvmlDevice_t *device) {
    LIBRARY_CALL;
    nvmlPciInfo_t pci;
    for (int i = 0; i < visible_count; i++) {
        pci_of(&state, visible[i], &pci);
        if (strcasecmp(pci.busId, bus_id) == 0 || strcasecmp(pci.busIdLegacy, bus_id) == 0) {
            device->handle = &devices[visible[i]];
            return NVML_SUCCESS;
        }
    }
    return NVML_ERROR_NOT_FOUND;
}

/* --- identity --------------------------------------------------------------------------------- */

nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t device, char *uuid, unsigned int length) {
    DEVICE_CALL(device);
    char value[VALUE_MAX];
    if (device.handle->instance)
        return mig_uuid(&state, gpu, device.handle->instance, value, sizeof value) ? give(value, uuid, length)
                                                                                   : NVML_ERROR_NOT_FOUND;
    return give_text(&state, gpu, "uuid", uuid, length);
}

nvmlReturn_t nvmlDeviceGetSerial(nvmlDevice_t device, char *serial, unsigned int length) {
    DEVICE_CALL(device);
    return give_text(&state, gpu, "serial", serial, length);
}

nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t device, char *name, unsigned int length) {
    DEVICE_CALL(device);
    return give_text(&state, gpu, "name", name, length);
}

nvmlReturn_t nvmlDeviceGetVbiosVersion(nvmlDevice_t device, char *version, unsigned int length) {
    DEVICE_CALL(device);
    return give_text(&state, gpu, "vbios", version, length);
}

nvmlReturn_t nvmlDeviceGetIndex(nvmlDevice_t device, unsigned int *index) {
    DEVICE_CALL(device);
    for (int i = 0; i < visible_count; i++)
        if (visible[i] == gpu)
            *index = (unsigned int)i;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMinorNumber(nvmlDevice_t device, unsigned int *minor) {
    DEVICE_CALL(device);
    *minor = (unsigned int)number_of(&state, gpu, "minor", gpu);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetPciInfo_v3(nvmlDevice_t device, nvmlPciInfo_t *pci) {
    DEVICE_CALL(device);
    pci_of(&state, gpu, pci);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetPciInfo_v2(nvmlDevice_t device, nvmlPciInfo_t *pci) {
    return nvmlDeviceGetPciInfo_v3(device, pci);
}

nvmlReturn_t nvmlDeviceGetBrand(nvmlDevice_t device, nvmlBrandType_t *brand) {
    DEVICE_CALL(device);
    *brand = NVML_BRAND_NVIDIA;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetArchitecture(nvmlDevice_t device, nvmlDeviceArchitecture_t *architecture) {
    DEVICE_CALL(device);
    char value[VALUE_MAX];
    state_of_gpu(&state, gpu, "architecture", value, sizeof value);
    *architecture = strcmp(value, "ampere") == 0      ? NVML_DEVICE_ARCH_AMPERE
                    : strcmp(value, "ada") == 0       ? NVML_DEVICE_ARCH_ADA
                    : strcmp(value, "hopper") == 0    ? NVML_DEVICE_ARCH_HOPPER
                    : strcmp(value, "blackwell") == 0 ? NVML_DEVICE_ARCH_BLACKWELL
                                                      : NVML_DEVICE_ARCH_UNKNOWN;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetCudaComputeCapability(nvmlDevice_t device, int *major, int *minor) {
    DEVICE_CALL(device);
    char value[VALUE_MAX];
    state_of_gpu(&state, gpu, "compute capability", value, sizeof value);
    return sscanf(value, "%d.%d", major, minor) == 2 ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
}

nvmlReturn_t nvmlDeviceGetAddressingMode(nvmlDevice_t device, nvmlDeviceAddressingMode_t *mode) {
    DEVICE_CALL(device);
    mode->value = NVML_DEVICE_ADDRESSING_MODE_HMM;
    return NVML_SUCCESS;
}

/* --- what it is doing ------------------------------------------------------------------------- */

nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t *memory) {
    DEVICE_CALL(device);
    char key[VALUE_MAX];
    const char *total = device.handle->instance ? "mig memory" : "memory";
    memory->total = (unsigned long long)number_of(&state, gpu, total, 0) << 20;
    memory->used = (unsigned long long)number_of(&state, gpu, key_of(device, "memory used", key), 0) << 20;
    memory->free = memory->total - memory->used;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t device, nvmlMemory_v2_t *memory) {
    nvmlMemory_t plain;
    nvmlReturn_t result = nvmlDeviceGetMemoryInfo(device, &plain);
    if (result != NVML_SUCCESS)
        return result;
    memory->total = plain.total;
    memory->used = plain.used;
    memory->free = plain.free;
    memory->reserved = 0;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t device, nvmlUtilization_t *rates) {
    DEVICE_CALL(device);
    if (mig_is_on(&state, gpu))
        return NVML_ERROR_NOT_SUPPORTED; /* neither of the whole nor of its instances */
    rates->gpu = (unsigned int)number_of(&state, gpu, "utilization", 0);
    rates->memory = (unsigned int)number_of(&state, gpu, "memory utilization", 0);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetTemperature(nvmlDevice_t device, nvmlTemperatureSensors_t sensor, unsigned int *celsius) {
    (void)sensor;
    DEVICE_CALL(device);
    *celsius = (unsigned int)number_of(&state, gpu, "temperature", 0);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetPowerUsage(nvmlDevice_t device, unsigned int *milliwatts) {
    DEVICE_CALL(device);
    *milliwatts = (unsigned int)number_of(&state, gpu, "power mw", 0);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetEnforcedPowerLimit(nvmlDevice_t device, unsigned int *milliwatts) {
    DEVICE_CALL(device);
    *milliwatts = (unsigned int)number_of(&state, gpu, "power limit mw", 0);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetPowerManagementLimit(nvmlDevice_t device, unsigned int *milliwatts) {
    return nvmlDeviceGetEnforcedPowerLimit(device, milliwatts);
}

/* --- modes ------------------------------------------------------------------------------------ */

/* The driver takes "not supported" here for a fatal error. */
nvmlReturn_t nvmlDeviceGetVirtualizationMode(nvmlDevice_t device, nvmlGpuVirtualizationMode_t *mode) {
    DEVICE_CALL(device);
    *mode = NVML_GPU_VIRTUALIZATION_MODE_NONE;
    return NVML_SUCCESS;
}

/* For the device plugin's aligned allocation: all GPUs equally far from each other. */
nvmlReturn_t nvmlDeviceGetTopologyCommonAncestor(nvmlDevice_t device, nvmlDevice_t other,
                                                 nvmlGpuTopologyLevel_t *level) {
    (void)other;
    DEVICE_CALL(device);
    *level = NVML_TOPOLOGY_SYSTEM;
    return NVML_SUCCESS;
}

/* --- health events ---------------------------------------------------------------------------- */

nvmlReturn_t nvmlEventSetCreate(nvmlEventSet_t *set) {
    LIBRARY_CALL;
    set->handle = calloc(1, sizeof *set->handle);
    return set->handle ? NVML_SUCCESS : NVML_ERROR_MEMORY;
}

nvmlReturn_t nvmlEventSetFree(nvmlEventSet_t set) {
    free(set.handle);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetSupportedEventTypes(nvmlDevice_t device, unsigned long long *types) {
    DEVICE_CALL(device);
    *types = nvmlEventTypeXidCriticalError | nvmlEventTypeDoubleBitEccError | nvmlEventTypeSingleBitEccError;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceRegisterEvents(nvmlDevice_t device, unsigned long long types, nvmlEventSet_t set) {
    (void)types;
    DEVICE_CALL(device);
    set.handle->watched |= 1u << gpu;
    return NVML_SUCCESS;
}

/* Looks for a watched GPU whose xid changed; fills in the event and says so. */
static int next_event(const struct state *state, struct nvmlEventSet_st *set, nvmlEventData_t *event) {
    char value[VALUE_MAX];
    for (int i = 0; i < MAX_GPUS; i++) {
        if (!(set->watched & 1u << i))
            continue;
        state_of_gpu(state, i, "xid", value, sizeof value);
        if (strcmp(value, set->seen[i]) == 0)
            continue;
        strcpy(set->seen[i], value);
        if (!value[0])
            continue;
        memset(event, 0, sizeof *event);
        event->device.handle = &devices[i];
        event->eventType = nvmlEventTypeXidCriticalError;
        event->eventData = strtoull(value, NULL, 10);
        event->gpuInstanceId = event->computeInstanceId = UINT_MAX; /* "not a MIG instance" */
        return 1;
    }
    return 0;
}

nvmlReturn_t nvmlEventSetWait_v2(nvmlEventSet_t set, nvmlEventData_t *event, unsigned int timeout_ms) {
    const unsigned int step_ms = 500; /* idle nodes ask all day: keep it cheap */
    for (unsigned int waited = 0;; waited += step_ms) {
        LIBRARY_CALL;
        if (next_event(&state, set.handle, event))
            return NVML_SUCCESS;
        if (waited >= timeout_ms)
            return NVML_ERROR_TIMEOUT;
        usleep(step_ms * 1000);
    }
}
