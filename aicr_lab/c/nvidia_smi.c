/* nvidia-smi of the lab: the vendor's tool as a workload sees it, on whatever libnvidia-ml.so.1 the
 * loader finds, as the real one is on the real library.
 *
 *     nvidia-smi                                       the table
 *     nvidia-smi -L                                    one line per GPU
 *     nvidia-smi --query-gpu=FIELDS --format=csv[,noheader][,nounits]
 *     nvidia-smi -q [-x]                               everything, as text or XML
 *     nvidia-smi -i ID ...                             one GPU: index, UUID or PCI bus id
 *     nvidia-smi compute-policy ...                    accepted; the DRA driver sets time slices so
 *
 * Layout, messages and exit codes are those of the real tool (580 series); what is not there yet
 * answers as the real one does to an unknown option.
 */
#define _GNU_SOURCE
#include "nvml.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define MAX_GPUS 16

enum { EXIT_BAD_ARGUMENT = 2, EXIT_NO_DEVICES = 6, EXIT_NO_DRIVER = 9, EXIT_NO_LIBRARY = 12, EXIT_GPU_LOST = 15 };

/* --- the library ------------------------------------------------------------------------------ */

#define NVML_FUNCTIONS(F)                                                                                \
    F(nvmlInit_v2) F(nvmlErrorString) F(nvmlSystemGetDriverVersion) F(nvmlSystemGetCudaDriverVersion)    \
    F(nvmlDeviceGetCount_v2) F(nvmlDeviceGetHandleByIndex_v2) F(nvmlDeviceGetName) F(nvmlDeviceGetUUID)  \
    F(nvmlDeviceGetSerial) F(nvmlDeviceGetVbiosVersion) F(nvmlDeviceGetMinorNumber)                      \
    F(nvmlDeviceGetPciInfo_v3) F(nvmlDeviceGetCudaComputeCapability) F(nvmlDeviceGetArchitecture)        \
    F(nvmlDeviceGetMemoryInfo) F(nvmlDeviceGetUtilizationRates) F(nvmlDeviceGetTemperature)              \
    F(nvmlDeviceGetPowerUsage) F(nvmlDeviceGetEnforcedPowerLimit)                                          \
    F(nvmlDeviceGetMaxMigDeviceCount) F(nvmlDeviceGetMigDeviceHandleByIndex)

#define DECLARE(name) static __typeof__(&name) p_##name;
NVML_FUNCTIONS(DECLARE)

static void open_library(void) {
    void *library = dlopen("libnvidia-ml.so.1", RTLD_NOW);
    if (!library) {
        puts("NVIDIA-SMI couldn't find libnvidia-ml.so library in your system. Please make sure that the NVIDIA "
             "Display Driver is properly installed and present in your system.\nPlease also try adding directory "
             "that contains libnvidia-ml.so to your system PATH.");
        exit(EXIT_NO_LIBRARY);
    }
#define LOOK_UP(name) p_##name = (__typeof__(&name))dlsym(library, #name);
    NVML_FUNCTIONS(LOOK_UP)
    if (p_nvmlInit_v2() != NVML_SUCCESS) {
        puts("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the "
             "latest NVIDIA driver is installed and running.\n");
        exit(EXIT_NO_DRIVER);
    }
}

/* --- what is known of a GPU ------------------------------------------------------------------- */

struct gpu {
    unsigned int index, minor, temperature, power, power_limit;
    int capability_major, capability_minor;
    const char *architecture;
    char name[96], uuid[96], serial[32], vbios[32];
    nvmlPciInfo_t pci;
    nvmlMemory_t memory;
    nvmlUtilization_t utilization;
    int has_utilization; /* not where MIG is on */
};

static char driver_version[80];
static int cuda_version;
static struct gpu gpus[MAX_GPUS];
static int gpu_count;

static const char *architecture_name(nvmlDeviceArchitecture_t architecture) {
    switch (architecture) {
    case NVML_DEVICE_ARCH_AMPERE:
        return "Ampere";
    case NVML_DEVICE_ARCH_ADA:
        return "Ada Lovelace";
    case NVML_DEVICE_ARCH_HOPPER:
        return "Hopper";
    case NVML_DEVICE_ARCH_BLACKWELL:
        return "Blackwell";
    default:
        return "Unknown";
    }
}

static void look_at(unsigned int index, struct gpu *gpu) {
    nvmlDevice_t device;
    nvmlDeviceArchitecture_t architecture = NVML_DEVICE_ARCH_UNKNOWN;
    nvmlReturn_t result = p_nvmlDeviceGetHandleByIndex_v2(index, &device);
    if (result != NVML_SUCCESS) {
        printf("Unable to determine the device handle for GPU%u: %s.  Reboot the system to recover this GPU\n", index,
               p_nvmlErrorString(result));
        exit(result == NVML_ERROR_GPU_IS_LOST ? EXIT_GPU_LOST : EXIT_NO_DRIVER);
    }
    memset(gpu, 0, sizeof *gpu);
    gpu->index = index;
    p_nvmlDeviceGetName(device, gpu->name, sizeof gpu->name);
    p_nvmlDeviceGetUUID(device, gpu->uuid, sizeof gpu->uuid);
    p_nvmlDeviceGetSerial(device, gpu->serial, sizeof gpu->serial);
    p_nvmlDeviceGetVbiosVersion(device, gpu->vbios, sizeof gpu->vbios);
    p_nvmlDeviceGetMinorNumber(device, &gpu->minor);
    p_nvmlDeviceGetPciInfo_v3(device, &gpu->pci);
    p_nvmlDeviceGetCudaComputeCapability(device, &gpu->capability_major, &gpu->capability_minor);
    p_nvmlDeviceGetArchitecture(device, &architecture);
    gpu->architecture = architecture_name(architecture);
    p_nvmlDeviceGetMemoryInfo(device, &gpu->memory);
    gpu->has_utilization = p_nvmlDeviceGetUtilizationRates(device, &gpu->utilization) == NVML_SUCCESS;
    p_nvmlDeviceGetTemperature(device, NVML_TEMPERATURE_GPU, &gpu->temperature);
    p_nvmlDeviceGetPowerUsage(device, &gpu->power);
    p_nvmlDeviceGetEnforcedPowerLimit(device, &gpu->power_limit);
}

/* Is this the GPU that `-i` names? The legacy bus id is the long one without four zeros. */
static int is_named(const struct gpu *gpu, const char *id) {
    char index[8];
    snprintf(index, sizeof index, "%u", gpu->index);
    return strcmp(id, index) == 0 || strcmp(id, gpu->uuid) == 0 || strcasecmp(id, gpu->pci.busId) == 0 ||
           strcasecmp(id, gpu->pci.busIdLegacy) == 0;
}

static void look_at_all(const char *only) {
    unsigned int count = 0;
    p_nvmlSystemGetDriverVersion(driver_version, sizeof driver_version);
    p_nvmlSystemGetCudaDriverVersion(&cuda_version);
    p_nvmlDeviceGetCount_v2(&count);
    for (unsigned int i = 0; i < count && i < MAX_GPUS; i++) {
        look_at(i, &gpus[gpu_count]);
        if (!only || is_named(&gpus[gpu_count], only))
            gpu_count++;
    }
    if (gpu_count == 0) {
        puts("No devices were found");
        exit(EXIT_NO_DEVICES);
    }
}

static void timestamp(const char *format, char *out, size_t size) {
    time_t now = time(NULL);
    strftime(out, size, format, localtime(&now));
}

static unsigned long long mib(unsigned long long bytes) { return bytes >> 20; }

#define MIG_PROFILE "1g.10gb" /* the only one that the lab makes */

/* --- the table -------------------------------------------------------------------------------- */

static void print_table(void) {
    char now[64], cuda[16], used[32], total[32];
    timestamp("%a %b %e %H:%M:%S %Y", now, sizeof now);
    snprintf(cuda, sizeof cuda, "%d.%d", cuda_version / 1000, cuda_version % 1000 / 10);
    printf("%s       \n", now);
    puts("+-----------------------------------------------------------------------------------------+");
    printf("| NVIDIA-SMI %-22s Driver Version: %-14s CUDA Version: %-8s |\n", driver_version, driver_version, cuda);
    puts("+-----------------------------------------+------------------------+----------------------+\n"
         "| GPU  Name                 Persistence-M | Bus-Id          Disp.A | Volatile Uncorr. ECC |\n"
         "| Fan  Temp   Perf          Pwr:Usage/Cap |           Memory-Usage | GPU-Util  Compute M. |\n"
         "|                                         |                        |               MIG M. |\n"
         "|=========================================+========================+======================|");
    for (int i = 0; i < gpu_count; i++) {
        const struct gpu *gpu = &gpus[i];
        snprintf(used, sizeof used, "%lluMiB", mib(gpu->memory.used));
        snprintf(total, sizeof total, "%lluMiB", mib(gpu->memory.total));
        printf("| %3u  %-29.29s %3s  |   %-16s Off |                    0 |\n", gpu->index, gpu->name, "On",
               gpu->pci.busId);
        printf("| N/A  %3uC    P0           %4uW / %4uW |%11s / %9s |    %3u%%      Default |\n", gpu->temperature,
               gpu->power / 1000, gpu->power_limit / 1000, used, total, gpu->utilization.gpu);
        puts("|                                         |                        |             Disabled |\n"
             "+-----------------------------------------+------------------------+----------------------+");
    }
    puts("\n+-----------------------------------------------------------------------------------------+\n"
         "| Processes:                                                                              |\n"
         "|  GPU   GI   CI              PID   Type   Process name                        GPU Memory |\n"
         "|        ID   ID                                                               Usage      |\n"
         "|=========================================================================================|\n"
         "|  No running processes found                                                             |\n"
         "+-----------------------------------------------------------------------------------------+");
}

/* The GPU, and below it the instances of it that are there for us. */
static void print_listed(const struct gpu *gpu) {
    char uuid[96];
    unsigned int most = 0;
    nvmlDevice_t device, part;
    printf("GPU %u: %s (UUID: %s)\n", gpu->index, gpu->name, gpu->uuid);
    if (p_nvmlDeviceGetHandleByIndex_v2(gpu->index, &device) != NVML_SUCCESS)
        return;
    p_nvmlDeviceGetMaxMigDeviceCount(device, &most);
    for (unsigned int i = 0; i < most; i++)
        if (p_nvmlDeviceGetMigDeviceHandleByIndex(device, i, &part) == NVML_SUCCESS &&
            p_nvmlDeviceGetUUID(part, uuid, sizeof uuid) == NVML_SUCCESS)
            printf("  MIG %-15s Device %2u: (UUID: %s)\n", MIG_PROFILE, i, uuid);
}

static void print_list(void) {
    for (int i = 0; i < gpu_count; i++)
        print_listed(&gpus[i]);
}

/* --- --query-gpu ------------------------------------------------------------------------------ */

struct field {
    const char *name, *alias, *unit;
    void (*print)(const struct gpu *gpu, char *out, size_t size);
};

#define FIELD_VALUE(name, ...)                                                                           \
    static void name(const struct gpu *gpu, char *out, size_t size) {                                    \
        (void)gpu;                                                                                       \
        snprintf(out, size, __VA_ARGS__);                                                                \
    }
FIELD_VALUE(value_count, "%d", gpu_count)
FIELD_VALUE(value_index, "%u", gpu->index)
FIELD_VALUE(value_name, "%s", gpu->name)
FIELD_VALUE(value_uuid, "%s", gpu->uuid)
FIELD_VALUE(value_serial, "%s", gpu->serial)
FIELD_VALUE(value_driver, "%s", driver_version)
FIELD_VALUE(value_vbios, "%s", gpu->vbios)
FIELD_VALUE(value_bus_id, "%s", gpu->pci.busId)
FIELD_VALUE(value_bus, "0x%02X", gpu->pci.bus)
FIELD_VALUE(value_device_id, "0x%08X", gpu->pci.pciDeviceId)
FIELD_VALUE(value_memory_total, "%llu", mib(gpu->memory.total))
FIELD_VALUE(value_memory_used, "%llu", mib(gpu->memory.used))
FIELD_VALUE(value_memory_free, "%llu", mib(gpu->memory.free))
FIELD_VALUE(value_memory_reserved, "0")
FIELD_VALUE(value_utilization_gpu, gpu->has_utilization ? "%u" : "[N/A]", gpu->utilization.gpu)
FIELD_VALUE(value_utilization_memory, gpu->has_utilization ? "%u" : "[N/A]", gpu->utilization.memory)
FIELD_VALUE(value_temperature, "%u", gpu->temperature)
FIELD_VALUE(value_power, "%u.%02u", gpu->power / 1000, gpu->power % 1000 / 10)
FIELD_VALUE(value_power_limit, "%u.%02u", gpu->power_limit / 1000, gpu->power_limit % 1000 / 10)
FIELD_VALUE(value_capability, "%d.%d", gpu->capability_major, gpu->capability_minor)
FIELD_VALUE(value_pstate, "P0")
FIELD_VALUE(value_enabled, "Enabled")
FIELD_VALUE(value_disabled, "Disabled")
FIELD_VALUE(value_default, "Default")

static void value_timestamp(const struct gpu *gpu, char *out, size_t size) {
    (void)gpu;
    timestamp("%Y/%m/%d %H:%M:%S.000", out, size);
}

static const struct field fields[] = {
    {"timestamp", "", "", value_timestamp},
    {"driver_version", "", "", value_driver},
    {"count", "", "", value_count},
    {"name", "gpu_name", "", value_name},
    {"serial", "gpu_serial", "", value_serial},
    {"uuid", "gpu_uuid", "", value_uuid},
    {"index", "", "", value_index},
    {"vbios_version", "", "", value_vbios},
    {"pci.bus_id", "gpu_bus_id", "", value_bus_id},
    {"pci.bus", "", "", value_bus},
    {"pci.device_id", "", "", value_device_id},
    {"persistence_mode", "", "", value_enabled},
    {"compute_mode", "", "", value_default},
    {"compute_cap", "", "", value_capability},
    {"pstate", "", "", value_pstate},
    {"mig.mode.current", "", "", value_disabled},
    {"mig.mode.pending", "", "", value_disabled},
    {"memory.total", "", "MiB", value_memory_total},
    {"memory.reserved", "", "MiB", value_memory_reserved},
    {"memory.used", "", "MiB", value_memory_used},
    {"memory.free", "", "MiB", value_memory_free},
    {"utilization.gpu", "", "%", value_utilization_gpu},
    {"utilization.memory", "", "%", value_utilization_memory},
    {"temperature.gpu", "", "", value_temperature},
    {"power.draw", "", "W", value_power},
    {"power.limit", "enforced.power.limit", "W", value_power_limit},
};

static const struct field *field_named(const char *name) {
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (strcmp(name, fields[i].name) == 0 || strcmp(name, fields[i].alias) == 0)
            return &fields[i];
    printf("Field \"%s\" is not a valid field to query.\n\n", name);
    exit(EXIT_BAD_ARGUMENT);
}

/* Before anything is printed: an unknown field ends the program. */
static void check_fields(const char *names) {
    char *copy = strdup(names), *rest = copy, *name;
    while ((name = strsep(&rest, ",")))
        field_named(name + strspn(name, " "));
    free(copy);
}

static void print_rows(const char *names, int units) {
    char value[128];
    for (int g = 0; g < gpu_count; g++) {
        char *copy = strdup(names), *rest = copy, *name;
        for (int i = 0; (name = strsep(&rest, ",")); i++) {
            const struct field *field = field_named(name + strspn(name, " "));
            field->print(&gpus[g], value, sizeof value);
            printf("%s%s", i ? ", " : "", value);
            if (units && field->unit[0])
                printf(" %s", field->unit);
        }
        putchar('\n');
        free(copy);
    }
}

static void print_header(const char *names, int units) {
    char *copy = strdup(names), *rest = copy, *name;
    for (int i = 0; (name = strsep(&rest, ",")); i++) {
        const struct field *field = field_named(name + strspn(name, " "));
        printf("%s%s", i ? ", " : "", name + strspn(name, " "));
        if (units && field->unit[0])
            printf(" [%s]", field->unit);
    }
    putchar('\n');
    free(copy);
}

/* --- -q: one tree, printed as text or as XML ---------------------------------------------------- */

static int as_xml;
static int depth;

static void enter(const char *label, const char *tag, const char *attributes) {
    if (as_xml)
        printf("%*s<%s%s>\n", depth, "", tag, attributes);
    else
        printf("%*s%s\n", depth * 4, "", label);
    depth++;
}

static void leave(const char *tag) {
    depth--;
    if (as_xml)
        printf("%*s</%s>\n", depth, "", tag);
}

static void leaf(const char *label, const char *tag, const char *format, ...) {
    char value[128];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(value, sizeof value, format, arguments);
    va_end(arguments);
    if (as_xml)
        printf("%*s<%s>%s</%s>\n", depth, "", tag, value, tag);
    else
        printf("%*s%-*s : %s\n", depth * 4, "", 50 - depth * 4, label, value);
}

static void print_gpu(const struct gpu *gpu) {
    char attributes[64];
    snprintf(attributes, sizeof attributes, " id=\"%s\"", gpu->pci.busId);
    char title[64];
    snprintf(title, sizeof title, "\nGPU %s", gpu->pci.busId);
    enter(title, "gpu", attributes);
    leaf("Product Name", "product_name", "%s", gpu->name);
    leaf("Product Brand", "product_brand", "NVIDIA");
    leaf("Product Architecture", "product_architecture", "%s", gpu->architecture);
    leaf("Persistence Mode", "persistence_mode", "Enabled");
    enter("MIG Mode", "mig_mode", "");
    leaf("Current", "current_mig", "Disabled");
    leaf("Pending", "pending_mig", "Disabled");
    leave("mig_mode");
    leaf("Serial Number", "serial", "%s", gpu->serial);
    leaf("GPU UUID", "uuid", "%s", gpu->uuid);
    leaf("Minor Number", "minor_number", "%u", gpu->minor);
    leaf("VBIOS Version", "vbios_version", "%s", gpu->vbios);
    enter("PCI", "pci", "");
    leaf("Bus", "pci_bus", "%02X", gpu->pci.bus);
    leaf("Device", "pci_device", "%02X", gpu->pci.device);
    leaf("Domain", "pci_domain", "%04X", gpu->pci.domain);
    leaf("Device Id", "pci_device_id", "%08X", gpu->pci.pciDeviceId);
    leaf("Bus Id", "pci_bus_id", "%s", gpu->pci.busId);
    leave("pci");
    leaf("Performance State", "performance_state", "P0");
    enter("FB Memory Usage", "fb_memory_usage", "");
    leaf("Total", "total", "%llu MiB", mib(gpu->memory.total));
    leaf("Reserved", "reserved", "0 MiB");
    leaf("Used", "used", "%llu MiB", mib(gpu->memory.used));
    leaf("Free", "free", "%llu MiB", mib(gpu->memory.free));
    leave("fb_memory_usage");
    leaf("Compute Mode", "compute_mode", "Default");
    enter("Utilization", "utilization", "");
    leaf("GPU", "gpu_util", "%u %%", gpu->utilization.gpu);
    leaf("Memory", "memory_util", "%u %%", gpu->utilization.memory);
    leave("utilization");
    enter("Temperature", "temperature", "");
    leaf("GPU Current Temp", "gpu_temp", "%u C", gpu->temperature);
    leave("temperature");
    enter("GPU Power Readings", "gpu_power_readings", "");
    leaf("Instantaneous Power Draw", "instant_power_draw", "%u.%02u W", gpu->power / 1000, gpu->power % 1000 / 10);
    leaf("Current Power Limit", "current_power_limit", "%u.%02u W", gpu->power_limit / 1000,
         gpu->power_limit % 1000 / 10);
    leave("gpu_power_readings");
    leaf("Processes", "processes", as_xml ? "" : "None");
    leave("gpu");
}

static void print_everything(void) {
    char now[64];
    timestamp("%a %b %e %H:%M:%S %Y", now, sizeof now);
    if (as_xml)
        puts("<?xml version=\"1.0\" ?>\n<!DOCTYPE nvidia_smi_log SYSTEM \"nvsmi_device_v12.dtd\">\n<nvidia_smi_log>");
    else
        puts("\n==============NVSMI LOG==============\n");
    depth = as_xml;
    leaf("Timestamp", "timestamp", "%s", now);
    leaf("Driver Version", "driver_version", "%s", driver_version);
    leaf("CUDA Version", "cuda_version", "%d.%d", cuda_version / 1000, cuda_version % 1000 / 10);
    fputs(as_xml ? "" : "\n", stdout);
    leaf("Attached GPUs", "attached_gpus", "%d", gpu_count);
    for (int i = 0; i < gpu_count; i++)
        print_gpu(&gpus[i]);
    if (as_xml)
        puts("</nvidia_smi_log>");
}

/* --- the command line ------------------------------------------------------------------------- */

struct wish {
    const char *fields, *format, *only;
    int list, everything;
};

static int bad_arguments(void) {
    puts("Invalid combination of input arguments. Please run 'nvidia-smi -h' for help.\n");
    return EXIT_BAD_ARGUMENT;
}

/* The value of "--name=value"; NULL where the argument is another one. */
static const char *value_of(const char *argument, const char *name) {
    size_t width = strlen(name);
    return strncmp(argument, name, width) == 0 && argument[width] == '=' ? argument + width + 1 : NULL;
}

static int understood(int count, char **arguments, struct wish *wish) {
    for (int i = 1; i < count; i++) {
        const char *argument = arguments[i], *value;
        if (strcmp(argument, "-L") == 0 || strcmp(argument, "--list-gpus") == 0)
            wish->list = 1;
        else if (strcmp(argument, "-q") == 0 || strcmp(argument, "--query") == 0)
            wish->everything = 1;
        else if (strcmp(argument, "-x") == 0 || strcmp(argument, "--xml-format") == 0)
            as_xml = 1;
        else if ((strcmp(argument, "-i") == 0) && i + 1 < count)
            wish->only = arguments[++i];
        else if ((value = value_of(argument, "--id")))
            wish->only = value;
        else if ((value = value_of(argument, "--query-gpu")))
            wish->fields = value;
        else if ((value = value_of(argument, "--format")))
            wish->format = value;
        else
            return 0;
    }
    return !(as_xml && !wish->everything) && !(wish->fields && (wish->list || wish->everything));
}

static int answer_query(const struct wish *wish) {
    if (!wish->format || strncmp(wish->format, "csv", 3) != 0) {
        puts("\"--format=\" switch is missing. Please run 'nvidia-smi -h' for help.\n");
        return EXIT_BAD_ARGUMENT;
    }
    check_fields(wish->fields);
    int units = strstr(wish->format, "nounits") == NULL;
    if (!strstr(wish->format, "noheader"))
        print_header(wish->fields, units);
    print_rows(wish->fields, units);
    return 0;
}

int main(int count, char **arguments) {
    struct wish wish = {0};
    if (count > 1 && strcmp(arguments[1], "compute-policy") == 0)
        return 0;
    if (!understood(count, arguments, &wish))
        return bad_arguments();
    open_library();
    look_at_all(wish.only);
    if (wish.fields)
        return answer_query(&wish);
    if (wish.list)
        print_list();
    else if (wish.everything)
        print_everything();
    else
        print_table();
    return 0;
}
