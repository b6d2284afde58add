/* Partitioned GPUs of libnvidia-ml.so.1: whole GPUs are nvml.c's, which includes this file.
 *
 * A GPU whose section of the state file has "mig 7 = MIG-..." has MIG on, and a GPU instance 7 with one
 * compute instance 0, whose UUID that is. All instances are of the one profile that the file describes
 * ("mig profile", "mig memory" in MiB): a seventh of the processors, as 1g.10gb of an 80 GB GPU. Nothing
 * creates or destroys them: what an administrator has done before the driver starts.
 *
 * As with a whole GPU, what may be opened is visible: of an instance, its capability node.
 */
#define MIG_SLICES 7
#define MIG_FIRST_ID 7 /* the ids that the smallest instances of a GPU get */
#define MIG_PROFILE_ID 19
#define MIG_MULTIPROCESSORS 16

struct nvmlGpuInstance_st {
    struct nvmlDevice_st device;
};
struct nvmlComputeInstance_st {
    struct nvmlDevice_st device;
};

static struct nvmlDevice_st mig_devices[MAX_GPUS][MIG_SLICES];

/* As in /proc/driver/nvidia-caps/mig-minors: 15 instances of up to 8 compute instances each. */
static int mig_minor(int gpu, int instance) { return 3 + gpu * 135 + instance * 9; }

static int mig_uuid(const struct state *state, int gpu, int instance, char *out, size_t size) {
    char key[16];
    snprintf(key, sizeof key, "mig %d", instance);
    return state_of_gpu(state, gpu, key, out, size);
}

static int mig_is_on(const struct state *state, int gpu) {
    char value[VALUE_MAX];
    for (int i = 0; i < MIG_SLICES; i++)
        if (mig_uuid(state, gpu, MIG_FIRST_ID + i, value, sizeof value))
            return 1;
    return 0;
}

static int mig_is_visible(const struct state *state, int gpu, int instance) {
    char value[VALUE_MAX], name[48];
    snprintf(name, sizeof name, "nvidia-caps/nvidia-cap%d", mig_minor(gpu, instance));
    return mig_uuid(state, gpu, instance, value, sizeof value) && node_opens(name, O_RDONLY); /* of mode 0444 */
}

static nvmlDevice_t mig_handle(int gpu, int slice) {
    nvmlDevice_t found = {&mig_devices[gpu][slice]};
    found.handle->number = gpu;
    found.handle->instance = MIG_FIRST_ID + slice;
    return found;
}

/* The key of the state file for what is told of a device: "mig 7 memory used" of an instance. */
static const char *key_of(nvmlDevice_t device, const char *what, char out[VALUE_MAX]) {
    if (!device.handle->instance)
        return what;
    snprintf(out, VALUE_MAX, "mig %d %s", device.handle->instance, what);
    return out;
}

/* The first lines of a function about an instance. */
#define INSTANCE_CALL(device)                                                                            \
    DEVICE_CALL(device);                                                                                 \
    int instance = (device).handle->instance;                                                            \
    if (!instance)                                                                                       \
    return NVML_ERROR_INVALID_ARGUMENT

nvmlReturn_t nvmlDeviceGetMigMode(nvmlDevice_t device, unsigned int *current, unsigned int *pending) {
    DEVICE_CALL(device);
    *current = *pending = mig_is_on(&state, gpu) ? NVML_DEVICE_MIG_ENABLE : NVML_DEVICE_MIG_DISABLE;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMaxMigDeviceCount(nvmlDevice_t device, unsigned int *count) {
    DEVICE_CALL(device);
    *count = MIG_SLICES;
    return NVML_SUCCESS;
}

/* The device plugin asks for each of them, and takes "not supported" for a fatal error. */
nvmlReturn_t nvmlDeviceGetMigDeviceHandleByIndex(nvmlDevice_t device, unsigned int index, nvmlDevice_t *mig) {
    DEVICE_CALL(device);
    for (int slice = 0; slice < MIG_SLICES; slice++)
        if (mig_is_visible(&state, gpu, MIG_FIRST_ID + slice) && index-- == 0) {
            *mig = mig_handle(gpu, slice);
            return NVML_SUCCESS;
        }
    return NVML_ERROR_NOT_FOUND;
}

nvmlReturn_t nvmlDeviceIsMigDeviceHandle(nvmlDevice_t device, unsigned int *is_mig) {
    DEVICE_CALL(device);
    *is_mig = device.handle->instance != 0;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetDeviceHandleFromMigDeviceHandle(nvmlDevice_t mig, nvmlDevice_t *device) {
    INSTANCE_CALL(mig);
    device->handle = &devices[gpu];
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetGpuInstanceId(nvmlDevice_t device, unsigned int *id) {
    INSTANCE_CALL(device);
    *id = (unsigned int)instance;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetComputeInstanceId(nvmlDevice_t device, unsigned int *id) {
    INSTANCE_CALL(device);
    *id = 0;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetAttributes_v2(nvmlDevice_t device, nvmlDeviceAttributes_t *attributes) {
    INSTANCE_CALL(device);
    memset(attributes, 0, sizeof *attributes);
    attributes->multiprocessorCount = MIG_MULTIPROCESSORS;
    attributes->sharedCopyEngineCount = attributes->sharedDecoderCount = 1;
    attributes->gpuInstanceSliceCount = attributes->computeInstanceSliceCount = 1;
    attributes->memorySizeMB = (unsigned long long)number_of(&state, gpu, "mig memory", 0);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetAttributes(nvmlDevice_t device, nvmlDeviceAttributes_t *attributes) {
    return nvmlDeviceGetAttributes_v2(device, attributes);
}

/* --- profiles: the smallest one alone, where MIG is on ---------------------------------------- */

nvmlReturn_t nvmlDeviceGetGpuInstanceProfileInfo(nvmlDevice_t device, unsigned int profile,
                                                 nvmlGpuInstanceProfileInfo_t *info) {
    DEVICE_CALL(device);
    if (profile != NVML_GPU_INSTANCE_PROFILE_1_SLICE || !mig_is_on(&state, gpu))
        return NVML_ERROR_NOT_SUPPORTED;
    memset(info, 0, sizeof *info);
    info->id = MIG_PROFILE_ID;
    info->sliceCount = info->copyEngineCount = info->decoderCount = info->jpegCount = 1;
    info->instanceCount = MIG_SLICES;
    info->multiprocessorCount = MIG_MULTIPROCESSORS;
    info->memorySizeMB = (unsigned long long)number_of(&state, gpu, "mig memory", 0);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetGpuInstancePossiblePlacements_v2(nvmlDevice_t device, unsigned int profile,
                                                           nvmlGpuInstancePlacement_t *placements,
                                                           unsigned int *count) {
    DEVICE_CALL(device);
    if (profile != MIG_PROFILE_ID)
        return NVML_ERROR_NOT_SUPPORTED;
    *count = MIG_SLICES;
    for (unsigned int i = 0; placements && i < MIG_SLICES; i++)
        placements[i] = (nvmlGpuInstancePlacement_t){.start = i, .size = 1};
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetGpuInstancePossiblePlacements(nvmlDevice_t device, unsigned int profile,
                                                        nvmlGpuInstancePlacement_t *placements, unsigned int *count) {
    return nvmlDeviceGetGpuInstancePossiblePlacements_v2(device, profile, placements, count);
}

/* --- instances -------------------------------------------------------------------------------- */

nvmlReturn_t nvmlDeviceGetGpuInstanceById(nvmlDevice_t device, unsigned int id, nvmlGpuInstance_t *found) {
    DEVICE_CALL(device);
    char value[VALUE_MAX];
    if (id < MIG_FIRST_ID || id >= MIG_FIRST_ID + MIG_SLICES || !mig_uuid(&state, gpu, (int)id, value, sizeof value))
        return NVML_ERROR_NOT_FOUND;
    found->handle = (struct nvmlGpuInstance_st *)mig_handle(gpu, (int)id - MIG_FIRST_ID).handle;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlGpuInstanceGetInfo(nvmlGpuInstance_t of, nvmlGpuInstanceInfo_t *info) {
    LIBRARY_CALL;
    const struct nvmlDevice_st *its = &of.handle->device;
    memset(info, 0, sizeof *info);
    info->device.handle = &devices[its->number];
    info->id = (unsigned int)its->instance;
    info->profileId = MIG_PROFILE_ID;
    info->placement = (nvmlGpuInstancePlacement_t){.start = info->id - MIG_FIRST_ID, .size = 1};
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlGpuInstanceGetComputeInstanceById(nvmlGpuInstance_t of, unsigned int id,
                                                   nvmlComputeInstance_t *found) {
    LIBRARY_CALL;
    if (id != 0)
        return NVML_ERROR_NOT_FOUND;
    found->handle = (struct nvmlComputeInstance_st *)of.handle;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlComputeInstanceGetInfo_v2(nvmlComputeInstance_t of, nvmlComputeInstanceInfo_t *info) {
    LIBRARY_CALL;
    memset(info, 0, sizeof *info);
    info->device.handle = &of.handle->device;
    info->gpuInstance.handle = (struct nvmlGpuInstance_st *)of.handle;
    info->placement.size = 1;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlComputeInstanceGetInfo(nvmlComputeInstance_t of, nvmlComputeInstanceInfo_t *info) {
    return nvmlComputeInstanceGetInfo_v2(of, info);
}

nvmlReturn_t nvmlGpuInstanceGetComputeInstanceProfileInfo(nvmlGpuInstance_t of, unsigned int profile,
                                                          unsigned int engine,
                                                          nvmlComputeInstanceProfileInfo_t *info) {
    (void)of;
    LIBRARY_CALL;
    if (profile != NVML_COMPUTE_INSTANCE_PROFILE_1_SLICE || engine != 0)
        return NVML_ERROR_NOT_SUPPORTED;
    memset(info, 0, sizeof *info);
    info->sliceCount = info->instanceCount = info->sharedCopyEngineCount = info->sharedDecoderCount = 1;
    info->multiprocessorCount = MIG_MULTIPROCESSORS;
    return NVML_SUCCESS;
}
